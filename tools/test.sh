#!/usr/bin/env bash
# Everything that can be checked on one machine: format, the release build with its unit, layer and end-to-end tests,
# clang-tidy on changed files, the sanitizers. Prints what ran and the seconds it took; exits non-zero at the first failure.
set -euo pipefail
cd "$(dirname "$0")/.."
export JOBS=${JOBS:-$(nproc)}

step() { printf '\n== %s (%s s so far)\n' "$*" "$SECONDS"; }

step "format"
git ls-files -co --exclude-standard '*.cc' '*.h' | xargs clang-format-16 --dry-run --Werror

step "release: build and all tests"
cmake --preset release >/dev/null
cmake --build --preset release -j "$JOBS"
ctest --preset release -j "$JOBS"

step "clang-tidy on changed files"
tools/lint.sh changed

tools/sanitize.sh asan
tools/sanitize.sh tsan
printf '\n== all passed in %s s\n' "$SECONDS"
