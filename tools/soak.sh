#!/bin/sh
# Mixed use for a while (tests/scenario/soak.py): tools/soak.sh MINUTES, on both databases, with both sanitizers.
set -u
cd "$(dirname "$0")/.."
failed=0
for build in asan tsan; do
	for database in "" --postgres; do
		echo "== $build ${database:---sqlite}"
		python3 tests/scenario/soak.py --binary "build/$build/src/atelier" --minutes "$1" $database || failed=$((failed + 1))
	done
done
exit "$failed"
