#!/usr/bin/env bash
# One table of what a GPU does: `benches/gpu.sh [DEVICE [TFLOPS]]`.
# DEVICE: gpu (the default), gpu:1, software, as `Device::from_name` takes them. TFLOPS: the f32 peak of the device, if
# the product is to be given as a share of it.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo bench --quiet --bench gpu -- "${@:-gpu}"
