#!/usr/bin/env bash
# Kernels and training steps by criterion: `ANYGRAD_DEVICE=cpu|gpu|gpu:1|software benches/speed.sh [WORD]..`, the words
# choosing workloads (all without words).
set -euo pipefail
cd "$(dirname "$0")/.."
# the versions and what is built already of the workspace
[ -e benches/speed/Cargo.lock ] || cp Cargo.lock benches/speed/
exec cargo run --release --quiet --manifest-path benches/speed/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}" -- "$@"
