#!/usr/bin/env bash
# Builds the contestants and measures: `benches/peers/run.sh [WORD]..`, the words choosing workloads (all without words).
# Results are kept in $PEERS/results.tsv, and what is there is not measured again; the table goes to the output.
# PEERS: where everything is built, target/peers by default. PYTHON: a Python with PyTorch, python3 by default.
set -euo pipefail
cd "$(dirname "$0")"
export PEERS="${PEERS:-$(realpath ../..)/target/peers}"
mkdir -p "$PEERS/bin"

# one by one, so that no contestant turns on features for another one
for package in table candle-peer burn-peer; do
  cargo build --release --quiet --package "$package" --target-dir "$PEERS/target"
done
cp ../../Cargo.lock anygrad/
cargo build --release --quiet --manifest-path anygrad/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-../../target}"
cp "$PEERS"/target/release/{table,candle-peer,burn-peer} "${CARGO_TARGET_DIR:-../../target}/release/anygrad-peer" "$PEERS/bin/"
exec "$PEERS/bin/table" "$PEERS/results.tsv" "$@"
