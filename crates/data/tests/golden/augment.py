"""Writes augment.txt: geometric transforms as PyTorch computes them. One line each: name, then the numbers.

The image is 2 x 5 x 6 with value (c * 31 + y * 6 + x) * 7 % 23 / 22. Warps are torchvision's
_get_inverse_affine_matrix with affine_grid and grid_sample (align_corners=False, zeros outside).
"""
import math

import torch
import torch.nn.functional as F

H, W = 5, 6
image = torch.tensor(
    [[[((c * 31 + y * 6 + x) * 7 % 23) / 22 for x in range(W)] for y in range(H)] for c in range(2)],
    dtype=torch.float64,
)[None]


def inverse(angle, shift, scale, shear_x):
    """torchvision.transforms.functional._get_inverse_affine_matrix about the middle, shear (x, 0)."""
    rot, sx = math.radians(angle), math.radians(shear_x)
    a, b = math.cos(rot), -math.cos(rot) * math.tan(sx) - math.sin(rot)
    c, d = math.sin(rot), -math.sin(rot) * math.tan(sx) + math.cos(rot)
    m = [x / scale for x in [d, -b, 0.0, -c, a, 0.0]]
    m[2] += m[0] * -shift[0] + m[1] * -shift[1]
    m[5] += m[3] * -shift[0] + m[4] * -shift[1]
    return m


def warp(angle=0.0, shift=(0.0, 0.0), scale=1.0, shear_x=0.0):
    m = torch.tensor(inverse(angle, shift, scale, shear_x), dtype=torch.float64).reshape(2, 3)
    # from pixels about the middle to the -1..1 of grid_sample
    size = torch.tensor([W / 2, H / 2], dtype=torch.float64)
    theta = torch.cat([m[:, :2] * size[None, :] / size[:, None], m[:, 2:] / size[:, None]], 1)
    grid = F.affine_grid(theta[None], [1, 2, H, W], align_corners=False)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


cases = {
    "bilinear 3 4": F.interpolate(image, (3, 4), mode="bilinear", align_corners=False),
    "bilinear 9 11": F.interpolate(image, (9, 11), mode="bilinear", align_corners=False),
    "nearest 3 4": F.interpolate(image, (3, 4), mode="nearest"),
    "nearest 9 11": F.interpolate(image, (9, 11), mode="nearest"),
    # rotate() turns counter-clockwise: the angle is negated
    "rotate 25": warp(angle=-25.0),
    "affine scale 1.3": warp(scale=1.3),
    "affine turn 40 shear 20 scale 0.8": warp(angle=40.0, shear_x=20.0, scale=0.8),
}
with open("augment.txt", "w") as out:
    for name, value in cases.items():
        out.write(name + ": " + " ".join(f"{x:.9g}" for x in value.flatten().tolist()) + "\n")
