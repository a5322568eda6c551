#!/usr/bin/env bash
# The main job on a real network and real pictures: eliminate synapse vectors, keep tensors in 16 bits, and
# show what was won and lost. usage: demo.sh DEFTNN_BINARY OUT_DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
deftnn=$1
out=$2
data=${FASHION_MNIST_DIR:-/usr/share/datasets/fashion-mnist}
model=$here/fashion_vgg.onnx
test=$data/t10k-images-idx3-ubyte.gz
held_out=$out/held-out-images-idx3-ubyte.gz
mkdir -p "$out"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

[ -f "$out/held-out-labels-idx1-ubyte.gz" ] || python3 "$here/hold_out.py" "$data" "$out"

say "1. Optimise: lose at most 0.5 points, chosen on pictures that the network was not trained on"
"$deftnn" optimize "$model" -o "$out/fashion_vgg.deft" --calib "$held_out" --eval "$test" \
  --preprocess "$here/preprocess.json" --max-drop 0.5 \
  --json "$out/fashion_vgg.json" --report "$out/fashion_vgg.html"

say "2. The file that was written, against the network that it was made of"
"$deftnn" bench "$out/fashion_vgg.deft" --against "$model" --duration 2 --per-layer

say "3. The paper's own method, without fine-tuning: correlation and a scale factor, 1.1x fewer multiply-adds"
"$deftnn" optimize "$model" -o "$out/paper.deft" --calib "$held_out" --eval "$test" \
  --preprocess "$here/preprocess.json" --reduce-macs 1.1 --criterion correlation --compensation scale \
  --group synapse --format fp32 --calib-samples 256 --json "$out/paper.json" -q
python3 - "$out/fashion_vgg.json" "$out/paper.json" <<'PYTHON'
import json, sys
ours, paper = (json.load(open(path)) for path in sys.argv[1:])
row = "{:<44} {:>14} {:>12} {:>12}"
print(row.format("method", "multiply-adds", "points lost", "speed-up"))
for name, run in (("the paper's: correlation, scale factor, fp32", paper), ("DeftNN's: obs, least squares, dfp16", ours)):
    fewer = run["baseline"]["macs"] / run["optimized"]["macs"]
    print(row.format(name, f"{fewer:.2f}x fewer", f"{run['accuracy_drop_points']:.2f}", f"{run['speedup']:.2f}x"))
PYTHON
say "Report: $out/fashion_vgg.html   JSON: $out/fashion_vgg.json"
