#!/usr/bin/env bash
# clang-tidy. usage: lint.sh all | changed      (changed: since the last commit on origin/main, or HEAD~1)
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/dev
[ -f "$build/compile_commands.json" ] || cmake --preset dev >/dev/null
if [ "${1:-changed}" = all ]; then
  files=$(git ls-files 'deftnn/*.cc')
else
  base=$(git rev-parse -q --verify origin/main || git rev-parse -q --verify HEAD~1 || true)
  [ -n "$base" ] || exit 0
  files=$(git diff --name-only --diff-filter=d "$base" -- 'deftnn/*.cc')
fi
files=$(printf '%s\n' $files | grep -v '^deftnn/\(tune\|python\)/' || true)
[ -n "$files" ] || { echo "lint: nothing changed"; exit 0; }
printf '%s\n' $files | xargs -P "$(nproc)" -n 4 clang-tidy-16 --quiet -p "$build" 2>/dev/null
