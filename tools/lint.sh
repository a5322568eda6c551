#!/usr/bin/env bash
# clang-tidy. usage: lint.sh all | changed      (changed: since the last commit on origin/main, or HEAD~1)
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/dev
cmake --preset dev >/dev/null
if [ "${1:-changed}" = all ]; then
  files=$(git ls-files -co --exclude-standard 'deftnn/*.cc')
else
  base=$(git rev-parse -q --verify origin/main || git rev-parse -q --verify HEAD~1 || true)
  [ -n "$base" ] || exit 0
  files=$(git diff --name-only --diff-filter=d "$base" -- 'deftnn/*.cc')
fi
files=$(printf '%s\n' $files | grep -v '^deftnn/\(tune/torch\|python\)/' || true)
[ -n "$files" ] || { echo "lint: nothing changed"; exit 0; }

# One file: its findings in one piece, and without the counts of what was found in others' headers. The commands are
# GCC's, some of whose options clang does not know.
lint() {
  local found
  found=$(clang-tidy-16 --quiet -p "$1" --extra-arg=-Wno-unknown-warning-option "$2" 2>&1) && return 0
  printf '%s\n' "$found" | grep -vE '^[0-9]+ warnings?.* generated|^Suppressed |^Error while processing'
  return 1
}
export -f lint
if printf '%s\n' $files | xargs -P "${JOBS:-$(nproc)}" -I{} bash -c 'lint "$@"' lint "$build" {}; then
  echo "lint: $(printf '%s\n' $files | wc -l) files, no finding"
else
  echo "lint: findings above"
  exit 1
fi
