"""The project's own keyed order of things: SplitMix64, vectorised.

numpy does not promise the same permutation in its next version, and an order that drifts silently changes the data of
a resumed run. These few lines are fixed for ever (a test pins their output), so the same key gives the same order on
every machine.
"""

import hashlib

import numpy as np

# Constants of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)


def key(*parts: int | str) -> int:
    """A 64-bit key of a tuple of numbers and names: `key("rows", seed, epoch)`."""
    plain = tuple(part if isinstance(part, str) else int(part) for part in parts)  # a numpy 3 is the same 3
    digest = hashlib.blake2b(repr(plain).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _mix(values: np.ndarray) -> np.ndarray:
    """One round of SplitMix64 over uint64 values: a bijection, wrapping modulo 2**64."""
    values = values + GAMMA
    values ^= values >> np.uint64(30)
    values *= FIRST
    values ^= values >> np.uint64(27)
    values *= SECOND
    values ^= values >> np.uint64(31)
    return values


def keyed_hash(order_key: int, items: np.ndarray) -> np.ndarray:
    """Hashes uint64 items under a key, shape kept. For one key, distinct items have distinct hashes."""
    hashes = _mix(np.atleast_1d(items).astype(np.uint64, copy=False))
    hashes ^= np.uint64(order_key)
    return _mix(hashes)


def keyed_order(order_key: int, items: np.ndarray) -> np.ndarray:
    """The permutation, int64 (items,), that puts distinct uint64 items into the order of their keyed hashes.

    It depends on the key and on the items, not on the order in which they are given (but for hashes that agree in all
    their upper bits, which is rarer than 1 in 1e4 for a million items).
    """
    items = np.atleast_1d(items)
    # The place in the lower bits of the hash: sorting such values is three times faster than argsort of the hashes.
    lower = np.uint64((1 << len(items).bit_length()) - 1)
    places = keyed_hash(order_key, items)
    places &= ~lower
    places |= np.arange(len(items), dtype=np.uint64)
    places.sort()
    places &= lower
    return places.view(np.int64)
