"""Convolutions and transposed ones, with each option.

    python tests/golden/conv.py > tests/golden/conv.txt
"""

import torch
import torch.nn.functional as F
from writer import case, real

case("conv1d", lambda x, w: F.conv1d(x, w, stride=2, padding=1), real(2, 3, 8), real(4, 3, 3))
case("conv2d", lambda x, w: F.conv2d(x, w, stride=2, padding=1), real(2, 3, 6, 5), real(4, 3, 3, 3))
case("conv3d", lambda x, w: F.conv3d(x, w, stride=2, padding=1), real(1, 2, 4, 5, 3), real(2, 2, 2, 3, 2))
case("bias", lambda x, w, b: F.conv2d(x, w, b, padding=1), real(2, 2, 4, 3), real(3, 2, 3, 3), real(3))
case(
    "each_axis",
    lambda x, w: F.conv2d(x, w, stride=(1, 2), padding=(2, 1), dilation=(2, 1)),
    real(1, 2, 6, 7), real(3, 2, 3, 2),
)
case("same", lambda x, w: F.conv2d(x, w, padding="same"), real(1, 2, 5, 6), real(2, 2, 4, 3))
case("same_dilated", lambda x, w: F.conv1d(x, w, padding="same", dilation=3), real(1, 2, 9), real(2, 2, 4))
case("valid", lambda x, w: F.conv1d(x, w, padding="valid"), real(1, 2, 5), real(2, 2, 4))
case("groups", lambda x, w: F.conv2d(x, w, groups=2, stride=2), real(2, 4, 5, 4), real(6, 2, 2, 2))
case("depthwise", lambda x, w: F.conv2d(x, w, groups=3, padding=1), real(2, 3, 4, 4), real(6, 1, 3, 3))
# TensorFlow's "same" with a stride: 7 -> 4 needs 2 zeros, 6 -> 3 needs 1, behind
case(
    "same_strided",
    lambda x, w: F.conv2d(F.pad(x, (0, 1, 1, 1)), w, stride=2),
    real(1, 2, 7, 6), real(2, 2, 3, 3),
)
case("sides", lambda x, w: F.conv2d(F.pad(x, (0, 3, 2, 1)), w), real(1, 2, 3, 3), real(2, 2, 3, 3))
case("flip", lambda x, w: F.conv1d(x, w.flip(2), padding=1), real(1, 2, 5), real(2, 2, 3))

T1, T2, T3 = F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d
case("transpose1d", lambda x, w: T1(x, w, stride=2, padding=1), real(2, 3, 4), real(3, 2, 4))
case("transpose2d", lambda x, w: T2(x, w, stride=2, padding=1), real(2, 3, 3, 4), real(3, 2, 3, 3))
case("transpose3d", lambda x, w: T3(x, w, stride=2, padding=1), real(1, 2, 2, 3, 2), real(2, 2, 3, 2, 4))
case(
    "transpose_output_padding",
    lambda x, w, b: T2(x, w, b, stride=(3, 2), padding=1, output_padding=(2, 1)),
    real(1, 2, 3, 3), real(2, 3, 3, 4), real(3),
)
case("transpose_groups", lambda x, w: T2(x, w, stride=2, groups=2), real(2, 4, 3, 2), real(4, 3, 2, 3))
case("transpose_dilation", lambda x, w: T2(x, w, dilation=(2, 3), padding=2), real(1, 2, 4, 3), real(2, 2, 3, 2))
case(
    "transpose_everything",
    lambda x, w: T1(x, w, stride=3, padding=2, output_padding=1, groups=2, dilation=2),
    real(2, 4, 5), real(4, 2, 3),
)
case("transpose_depthwise", lambda x, w: T2(x, w, groups=3, stride=2), real(1, 3, 3, 3), real(3, 1, 3, 3))
