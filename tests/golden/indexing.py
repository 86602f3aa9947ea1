"""Picking and writing by index.

    cd tests/golden && python indexing.py > indexing.txt
"""

import torch
import torch.nn.functional as F
from writer import case, index, real


def distinct(n, below):
    """PyTorch does not say which of several equal indices wins."""
    return torch.randperm(below)[:n]


def last(x, i, src):
    """Row after row, so that the last wins."""
    for n in range(i.shape[0]):
        x = x.scatter(0, i[n:n + 1], src[n:n + 1])
    return x


case("gather smaller", lambda x, i: x.gather(1, i), real(3, 5, 2), index((2, 7, 1), 5))
case("take_along_axis", lambda x, i: torch.take_along_dim(x, i, 1), real(2, 5, 3), index((1, 4, 3), 5))
case("embedding", lambda x, i: F.embedding(i, x), real(5, 3), index((2, 4), 5))
case("masked_select", lambda x, m: x.masked_select(m.bool()), real(3, 4), index((3, 4), 2))
case("nonzero", lambda m: m.nonzero(), index((3, 2, 4), 2))

case("scatter", lambda x, i, s: x.scatter(0, i, s), real(6, 2), torch.stack([distinct(4, 6), distinct(4, 6)], 1), real(4, 2))
# PyTorch takes a source that is larger than the index, but has no gradient for it
case("scatter last axis", lambda x, i, s: x.scatter(-1, i, s[:, :3]), real(2, 5), torch.stack([distinct(3, 5), distinct(3, 5)]), real(2, 4))
case("scatter smaller", lambda x, i, s: x.scatter(0, i, s[:3, :2]), real(5, 3, 2), distinct(3, 5).reshape(3, 1, 1).repeat(1, 2, 2), real(4, 3, 2))
case("scatter repeated", last, real(4, 2), index((9, 2), 4), real(9, 2))
case("scatter_add_into", lambda x, i, s: x.scatter_add(1, i, s[:, :6]), real(2, 4), index((2, 6), 4), real(2, 7))
case("scatter_add_into smaller", lambda x, i, s: x.scatter_add(0, i, s[:5, :2]), real(3, 3), index((5, 2), 3), real(6, 2))
case("index_add", lambda x, i, s: x.index_add(1, i, s), real(2, 4, 2), index((5,), 4), real(2, 5, 2))
case("index_copy", lambda x, i, s: x.index_copy(0, i, s), real(5, 3), distinct(3, 5), real(3, 3))
