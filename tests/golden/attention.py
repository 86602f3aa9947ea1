"""Scaled dot-product attention.

    python tests/golden/attention.py > tests/golden/attention.txt
"""

import torch
import torch.nn.functional as F
from writer import case, real


def attend(**options):
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **options)


case("attention", attend(), real(2, 2, 3, 4), real(2, 2, 5, 4), real(2, 2, 5, 3))
case("attention one", attend(), real(1, 1), real(1, 1), real(1, 1))
case("attention wide", attend(), real(3, 20), real(6, 20), real(6, 9))
case("attention long", attend(), real(5, 3), real(40, 3), real(40, 2))
case("attention causal", attend(is_causal=True), real(2, 5, 4), real(2, 5, 4), real(2, 5, 3))
case("attention scale", attend(scale=0.7), real(2, 3, 4), real(2, 5, 4), real(2, 5, 3))
case(
    "attention bias",
    lambda q, k, v, bias: F.scaled_dot_product_attention(q, k, v, attn_mask=bias),
    real(2, 3, 4, 3),
    real(2, 3, 5, 3),
    real(2, 3, 5, 2),
    real(3, 4, 5),
)
# every query reads a key
read = torch.tensor([[1, 0, 1, 1, 0], [0, 1, 0, 0, 0], [1, 1, 1, 1, 1]])
case(
    "attention mask",
    lambda q, k, v, mask: F.scaled_dot_product_attention(q, k, v, attn_mask=mask.bool()),
    real(2, 3, 4),
    real(2, 5, 4),
    real(2, 5, 3),
    read,
)
