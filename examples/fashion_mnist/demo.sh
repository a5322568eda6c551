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

[ -f "$out/few-labels-idx1-ubyte.gz" ] || python3 "$here/hold_out.py" "$data" "$out"

say "1. Optimise: lose at most 0.5 points, chosen on pictures that the network was not trained on"
"$deftnn" optimize "$model" -o "$out/fashion_vgg.deft" --calib "$held_out" --eval "$test" \
  --preprocess "$here/preprocess.json" --max-drop 0.5 --calib-rows 16384 \
  --json "$out/fashion_vgg.json" --report "$out/fashion_vgg.html"

say "2. The file that was written, against the network that it was made of"
"$deftnn" bench "$out/fashion_vgg.deft" --against "$model" --duration 1 --per-layer

say "3. The paper's own method, without fine-tuning: correlation, a scale factor, 16 bits; 1.1x fewer multiply-adds"
"$deftnn" optimize "$model" -o "$out/paper.deft" --calib "$out/few-images-idx3-ubyte.gz" \
  --preprocess "$here/preprocess.json" --reduce-macs 1.1 --criterion correlation --compensation scale \
  --group synapse --format dfp16 --calib-samples 256 --json "$out/paper.json" -q
"$deftnn" eval "$out/paper.deft" --data "$test" --preprocess "$here/preprocess.json" --json "$out/paper_score.json"
python3 - "$out/fashion_vgg.json" "$out/paper.json" "$out/paper_score.json" <<'PYTHON'
import json, sys
ours, paper, score = (json.load(open(path)) for path in sys.argv[1:])
row = "{:<44} {:>14} {:>12} {:>12}"
print(row.format("method", "multiply-adds", "points lost", "speed-up"))
paper_drop = ours["baseline"]["accuracy"] - score["value"]
for name, run, drop in (("the paper's: correlation, scale factor, dfp16", paper, paper_drop),
                        ("DeftNN's: obs, least squares, dfp16", ours, ours["accuracy_drop_points"])):
    fewer = run["baseline"]["macs"] / run["optimized"]["macs"]
    print(row.format(name, f"{fewer:.2f}x fewer", f"{drop:.2f}", f"{run['speedup']:.2f}x"))
PYTHON
say "Report: $out/fashion_vgg.html   JSON: $out/fashion_vgg.json"
