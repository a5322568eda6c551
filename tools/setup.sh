#!/usr/bin/env bash
# Installs the Debian 12 packages that building, testing and the demo need. Idempotent; sudo when not root.
# usage: setup.sh [--without-tune]      without LibTorch, which only fine-tuning needs
set -euo pipefail

packages=(
  g++-12 clang-16 libclang-rt-16-dev clang-format-16 clang-tidy-16 cmake ninja-build ccache make git python3 python3-venv
  libonnx-dev libprotobuf-dev protobuf-compiler libhwy-dev libopenblas-dev liblapacke-dev
  libcli11-dev libfmt-dev libspdlog-dev nlohmann-json3-dev zlib1g-dev libjpeg62-turbo-dev libpng-dev
  libgtest-dev libgmock-dev libbenchmark-dev dataset-fashion-mnist
)
# With reference BLAS LibTorch trains at a fifteenth of the speed.
[ "${1:-}" = --without-tune ] || packages+=(libtorch-dev libgloo-dev libopenblas0-pthread)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: needs root or sudo to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
