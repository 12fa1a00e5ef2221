#!/usr/bin/env bash
# Fuzzes each target for some minutes, beginning with its corpus: tools/fuzz.sh BUILD_DIR MINUTES
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1
seconds=$(($2 * 60))
for target in "$dir"/tests/fuzz/fuzz_*; do
  [[ -f $target && -x $target ]] || continue
  name=$(basename "$target")
  corpus=tests/fuzz/corpus/${name#fuzz_}
  work=build/fuzz-work/$name
  mkdir -p "$work" "$corpus"
  echo "$name: $seconds seconds"
  "$target" -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="$work/" "$work" "$corpus" 2>&1 | tail -n 8
done
