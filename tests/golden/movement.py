"""Views, padding, joining, diagonals, windows and numbers in a row.

    cd tests/golden && python movement.py > movement.txt
"""

import torch
import torch.nn.functional as F
from writer import case, real, values

case("reshape", lambda x: x.reshape(4, -1, 3), real(2, 6, 2))
case("unflatten", lambda x: x.unflatten(1, (2, -1)), real(3, 6))
case("squeeze_all", lambda x: x.squeeze(), real(1, 3, 1, 2))
case("movedim", lambda x: x.movedim(0, 2), real(2, 3, 4))
case("channels first", lambda x: x.permute(0, 3, 1, 2), real(2, 3, 2, 4))
case("channels last", lambda x: x.permute(0, 2, 3, 1), real(2, 3, 2, 4))

case("slice_step", lambda x: x[:, 1:6:2], real(2, 7))
# PyTorch has no negative steps: from the end, by 3
case("slice_step backwards", lambda x: x.flip(1)[:, 1:-1:3], real(2, 9))
case("at", lambda x: x.select(1, -2), real(3, 4, 2))
case("split", lambda x: torch.cat(torch.split(x, [1, 4, 2], 1)[::-1], 1), real(2, 7))
case("split_every", lambda x: torch.cat([t.sum(0, keepdim=True) for t in torch.split(x, 3)]), real(7, 2))
case("chunk", lambda x: torch.cat([t.sum(0, keepdim=True) for t in torch.chunk(x, 4)]), real(5, 3))
case("unbind", lambda x: torch.cat(torch.unbind(x, 1)), real(2, 3, 2))
case("stack", lambda x, y: torch.stack([x, y, x], -1), real(2, 3), real(2, 3))
case("tile", lambda x: x.tile(2, 1, 3), real(2, 3))
case("tile fewer", lambda x: x.tile(2), real(2, 3))
case("repeat_interleave", lambda x: x.repeat_interleave(3, 1), real(2, 3, 2))
case("roll", lambda x: x.roll((1, -5), (0, 1)), real(3, 4))

case("pad_value", lambda x: F.pad(x, (1, 2, 0, 1), value=-1.5), real(2, 3))
for name, mode in (("reflect", "reflect"), ("replicate", "replicate"), ("circular", "circular")):
    case(f"pad_{name} line", lambda x: F.pad(x, (3, 2), mode=mode), real(2, 2, 4))
    case(f"pad_{name} plane", lambda x: F.pad(x, (1, 2, 2, 0), mode=mode), real(1, 2, 3, 4))
    case(f"pad_{name} volume", lambda x: F.pad(x, (1, 0, 1, 2, 0, 1), mode=mode), real(1, 1, 3, 3, 2))

case("diagonal", lambda x: x.diagonal(1, 0, 2), real(3, 2, 5))
case("diagonal below", lambda x: x.diagonal(-2, 2, 1), real(2, 3, 4))
case("diag_embed", lambda x: x.diag_embed(1), real(2, 3))
case("diag_embed below", lambda x: x.diag_embed(-2), real(2, 2))
case("diag", lambda x: torch.diag(x, -1), real(3))
case("diag of a matrix", lambda x: torch.diag(x, 1), real(3, 4))
case("trace", torch.trace, real(3, 4))
case("tril", lambda x: x.tril(-1), real(2, 4, 3))
case("triu", lambda x: x.triu(1), real(2, 3, 4))
case("eye", lambda x: x * torch.eye(3, 4), real(3, 4))
case("tri", lambda x: x * torch.tril(torch.ones(3, 5, dtype=x.dtype), 1), real(3, 5))

case("unfold", lambda x: x.unfold(1, 3, 2), real(2, 8, 2))
case("unfold first", lambda x: x.unfold(0, 2, 1), real(4, 2))
case("im2col", lambda x: F.unfold(x, (2, 3)), real(2, 2, 4, 5))
case("im2col all", lambda x: F.unfold(x, (3, 2), dilation=(2, 1), padding=(1, 2), stride=(2, 1)), real(1, 2, 6, 4))
case("col2im", lambda x: F.fold(x, (4, 5), (2, 3)), real(2, 12, 9))
case("col2im all", lambda x: F.fold(x, (6, 4), (3, 2), dilation=(2, 1), padding=(1, 2), stride=(2, 1)), real(1, 12, 14))

case("arange", lambda x: x + torch.arange(-1.0, 2.0, 0.4, dtype=x.dtype), real(8))
case("arange falling", lambda x: x * torch.arange(5, -4, -2, dtype=x.dtype), real(5))
case("linspace", lambda x: x + torch.linspace(-0.3, 2.1, 8, dtype=x.dtype), real(8))
case("logspace", lambda x: x * torch.logspace(-1, 1, 5, base=2.0, dtype=x.dtype), real(5))
case("meshgrid", lambda x, y: torch.cat(torch.meshgrid(x, y, indexing="ij")), values(1, 2, 3), values(4, 5))
case("meshgrid_xy", lambda x, y: torch.cat(torch.meshgrid(x, y, indexing="xy")), values(1, 2, 3), values(4, 5))
