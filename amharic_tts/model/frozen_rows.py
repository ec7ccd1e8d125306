"""Tables whose first rows do not learn: the pieces that a pretrained base already knows.

Cut off from the gradient, such a row gets zeros, and Adam leaves it as it is, bit for bit, at every ZeRO stage. Weight
decay would still shrink it: a table with frozen rows belongs among the parameters that do not decay.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def held(table: Tensor, rows: int) -> Tensor:
    """The table with its first `rows` cut off from the gradient."""
    return torch.cat([table[:rows].detach(), table[rows:]]) if rows and table.requires_grad else table


class TextEmbedding(nn.Embedding):
    """An embedding whose first `frozen_rows` rows do not learn."""

    frozen_rows = 0

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, held(self.weight, self.frozen_rows))


class TextHead(nn.Linear):
    """A head whose first `frozen_rows` rows do not learn."""

    frozen_rows = 0

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, held(self.weight, self.frozen_rows), held(self.bias, self.frozen_rows))
