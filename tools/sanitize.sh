#!/usr/bin/env bash
# Tests under sanitizers, built by clang 16. usage: sanitize.sh asan | tsan
# asan: AddressSanitizer and UBSan; all unit tests and the hostile inputs through the command line.
# tsan: ThreadSanitizer; the unit tests with more than one thread, and no command line.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1 jobs=${JOBS:-$(nproc)}
case $preset in
  asan) targets=(deftnn_tests deftnn_cli) labels='unit|hostile' ;;
  tsan) targets=(deftnn_tests) labels=unit ;;
  *) echo "usage: sanitize.sh asan | tsan" >&2; exit 2 ;;
esac
printf '\n== %s: build and tests\n' "$preset"
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" -j "$jobs" --target "${targets[@]}"
ctest --preset "$preset" -j "$jobs" -L "$labels" --no-tests=error
