#!/bin/bash
# Style, floors, sizes, documentation and clang-tidy: tools/lint.sh BUILD_DIR [BINARY]
# BUILD_DIR has the compile_commands.json of a clang build; BINARY prints the reference pages to compare with.
set -u
cd "$(dirname "$0")/.."
build=${1:?the build folder with compile_commands.json}
binary=${2:-}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
passed=0
failed=0

check() {
	local name=$1 log="$logs/$1"
	shift
	if "$@" >"$log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED lint: $name"
		sed 's/^/    /' "$log"
	fi
}

format() {
	find src tests bench \( -name '*.c' -o -name '*.h' \) -not -path '*/node_modules/*' -print0 |
		xargs -0 -r clang-format --dry-run -Werror
}

scripts() {
	local f
	for f in $(grep -lE '^#!.*bash' tools/* .ci/* 2>/dev/null); do
		bash -n "$f" || return 1
	done
}

# What a merge leaves where two changes met; shells and Markdown take it for text.
unmerged() {
	! grep -rnE '^(<<<<<<<|>>>>>>>) ' --include='*' --exclude-dir=node_modules --exclude-dir=build --exclude-dir=.git --exclude-dir=dist .
}

# Every file of unit tests and every fuzz target is a test of the build: one that is left out fails nothing.
listed() {
	local tests f room missing=0
	tests=$(meson introspect --tests "$build") || return 1
	for f in tests/unit/*/test_*.c tests/fuzz/fuzz_*.c; do
		room=$(basename "$(dirname "$f")")
		f=$(basename "$f" .c)
		case $room in
		fuzz) f=regress_${f#fuzz_} ;;
		*) f=test_${room}_${f#test_} ;;
		esac
		grep -q "/$f\"" <<<"$tests" || {
			echo "$f is built and run by nothing"
			missing=1
		}
	done
	return $missing
}

# The page against the interface that the program describes: its types are made from that document.
client() (
	"$binary" openapi >build/openapi.json && cd web &&
		npm run --silent generate -- --check ../build/openapi.json && npm run --silent check
)

check format format
check floors python3 tools/check_floors.py
check sizes python3 tools/check_size.py
check readmes python3 tools/check_readmes.py
check documentation python3 tools/check_docs.py ${binary:+--binary "$binary"}
check shell scripts
check unmerged unmerged
check listed listed
[ -z "$binary" ] || check client client
check clang-tidy python3 tools/tidy.py "$build"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
