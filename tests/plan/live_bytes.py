"""Counts the bytes of all tensors that live, on a CPU, as a GPU's allocator would."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Inside, `live` is the sum of bytes of storages that operations have made and that still live, `peak` its maximum."""

    def __init__(self):
        super().__init__()
        self.live = self.peak = 0
        self._known: dict[int, tuple[int, weakref.ref]] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for value in tree_leaves(out):
            if isinstance(value, torch.Tensor) and value.device.type != "meta":
                self.add(value)
        return out

    def add(self, tensor: torch.Tensor) -> None:
        """Counts a tensor's storage, once; a resized one by its new size."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        before, reference = self._known.get(key, (0, None))
        if reference is None:
            reference = weakref.ref(storage, lambda _: self._gone(key))
        self._known[key] = (size, reference)
        self.live += size - before
        self.peak = max(self.peak, self.live)

    def _gone(self, key: int) -> None:
        self.live -= self._known.pop(key)[0]

    def forget(self, tensors) -> None:
        """Takes these tensors for what was there before: counting begins at zero without them."""
        for tensor in tensors:
            self.add(tensor)
        self.live = self.peak = 0
