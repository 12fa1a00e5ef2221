#!/bin/bash
# Everything that must hold before a change is done. `make test` builds first, then calls this.
#
#	[LANES=N] tools/test.sh [SUITE ...]     all of: unit postgres fuzz process scenario-asan scenario-tsan faults flood kill9 kill-documents vector-stores uploads odd-requests strangers websocket schema clients mcp reduce web e2e lint
#
# Two suites run at a time, and lint behind them, with what they leave of the processors. Each one's output is kept in
# build/test-logs/SUITE.log and shown when it fails. The last line is the sum.
set -u
cd "$(dirname "$0")/.."
asan=${ASAN_BUILD:-build/asan}
tsan=${TSAN_BUILD:-build/tsan}
release=${RELEASE:-build/atelier}
logs=build/test-logs
mkdir -p "$logs"
# The long ones first, so that no lane ends with one.
all=(e2e lint clients mcp postgres schema unit scenario-asan scenario-tsan process web kill9 faults kill-documents vector-stores uploads odd-requests strangers websocket fuzz reduce flood)
passed=0
failed=0
# The same Node.js that the build uses.
node=$(tools/node) && PATH=$node:$PATH

# A binary of a build folder, wherever meson has put it.
binary_of() {
	local p
	for p in "$1/atelier" "$1/src/atelier"; do
		if [ -x "$p" ]; then
			echo "$p"
			return
		fi
	done
	echo "$1/atelier"
}

run_suite() {
	case $1 in
	unit) meson_suite "$asan" unit --no-suite fuzz ;;
	postgres) postgres ;;
	fuzz) meson_suite "$asan" fuzz --suite fuzz ;;
	process)
		each python3 tests/process/run.py --binary "$(binary_of "$asan")" \
			-- python3 tests/process/run.py --binary "$release" hardened in_a_dump given_back half_handshakes silent_after index_that_was_cut
		;;
	scenario-asan) python3 tests/scenario/run.py --binary "$(binary_of "$asan")" --slow 5 ;;
	scenario-tsan) python3 tests/scenario/run.py --binary "$(binary_of "$tsan")" --slow 10 ;;
	faults) python3 tests/scenario/faults.py --binary "$(binary_of "$asan")" ;;
	kill9) python3 tests/scenario/kill9.py --binary "$release" --rounds "${KILL9_ROUNDS:-50}" --streams 20 ;;
	vector-stores) packages tests/clients && python3 tests/scenario/vector_stores.py --binary "$(binary_of "$asan")" ;;
	kill-documents) python3 tests/scenario/kill_documents.py --binary "$release" --rounds "${KILL9_ROUNDS:-12}" ;;
	odd-requests) python3 tests/scenario/odd_requests.py --binary "$(binary_of "$asan")" ;;
	strangers) python3 tests/scenario/strangers.py --binary "$(binary_of "$asan")" ;;
	websocket) python3 tests/scenario/websocket.py --binary "$(binary_of "$asan")" ;;
	uploads) python3 tests/scenario/uploads.py --binary "$(binary_of "$asan")" ;;
	schema) python3 tests/schema/run.py --binary "$release" ;;
	flood) python3 tests/scenario/flood.py --binary "$release" ;;
	clients) clients ;;
	mcp) packages tests/mcp && python3 tests/mcp/run.py --build "$asan" --binary "$release" ;;
	reduce) node tests/reduce/run.mjs "$asan/tests/reduce/reduce_log" ;;
	web) (cd web && npm test) ;;
	e2e) e2e ;;
	lint) tools/lint.sh "$tsan" "$release" ;;
	*)
		echo "there is no suite $1"
		return 2
		;;
	esac
}

# What the suites unit and scenario-asan run on SQLite, on a PostgreSQL: all of the database's own, a part of the rest.
postgres() {
	each meson_suite "$asan" postgres --suite database \
		-- python3 tests/scenario/outage.py --binary "$(binary_of "$asan")" --slow 5 \
		-- python3 tests/scenario/nodes.py --binary "$(binary_of "$asan")" --slow 5 \
		-- python3 tests/scenario/run.py --binary "$(binary_of "$asan")" --slow 5 --postgres --sample 4
}

# COMMAND ... -- COMMAND ...: all of them, whichever fails, so that one failure hides no other.
each() {
	local word status=0 command=()
	for word in "$@" --; do
		if [ "$word" != -- ]; then
			command+=("$word")
			continue
		fi
		"${command[@]}" || status=1
		command=()
	done
	return "$status"
}

# The packages of a folder, fetched again only when its lock file changed.
packages() {
	if [ ! -e "$1/node_modules/.installed" ] || [ "$1/package-lock.json" -nt "$1/node_modules/.installed" ]; then
		(cd "$1" && npm ci --silent --no-audit --no-fund && touch node_modules/.installed)
	fi
}

# What docs/conformance.md says is one of its checks.
clients() {
	packages tests/clients || return
	node tests/clients/run.mjs "$release"
}

e2e() {
	packages tests/e2e || return
	node tests/e2e/run.mjs --binary "$release"
}

# Counts the single cases that cmocka reports, and the programs that ended badly. Suites of one build have logs apart.
meson_suite() {
	local build=$1 name=$2 status ok bad programs under= log
	shift 2
	log=$build/meson-logs/$name
	[[ $* != "--suite database" ]] || under=tests/postgres.py
	ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
		$under meson test -C "$build" --no-rebuild --print-errorlogs --logbase "$name" "$@"
	status=$?
	ok=$(sed -nE 's/^\[  PASSED  \] ([0-9]+) test.*/\1/p' "$log.txt" | awk '{ n += $1 } END { print n + 0 }')
	bad=$(sed -nE 's/^\[  FAILED  \] ([0-9]+) test.*/\1/p' "$log.txt" | awk '{ n += $1 } END { print n + 0 }')
	programs=$(grep -c '"result": "OK"' "$log.json")
	[ "$ok" -ge "$programs" ] || ok=$programs
	[ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	echo "$ok passed, $bad failed"
	return "$status"
}

# "N M" out of a suite's last words: of all its programs together.
counts() {
	local log=$1 line
	if grep -qE '^[0-9]+ passed, [0-9]+ failed$' "$log"; then
		awk '/^[0-9]+ passed, [0-9]+ failed$/ { ok += $1; bad += $3 } END { print ok, bad }' "$log"
		return
	fi
	# vitest: "Tests  3 failed | 12 passed (15)"
	line=$(sed -E 's/\x1b\[[0-9;]*m//g' "$log" | grep -E '^ *Tests +' | tail -n 1)
	if [ -n "$line" ]; then
		echo "$(echo "$line" | grep -oE '[0-9]+ passed' | grep -oE '[0-9]+' || echo 0)" \
			"$(echo "$line" | grep -oE '[0-9]+ failed' | grep -oE '[0-9]+' || echo 0)"
	fi
}

# Seconds of processors that all took which this shell has waited for, out of what `times` has written.
used_of() {
	awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); n += 60 * t[1] + t[2] } printf "%d", n }' "$1"
}

# One suite, its log and, at its end, its line (and the log's tail when it failed); "N M" goes into SUITE.counts.
report_suite() {
	local suite=$1 log="$logs/$1.log" began=$SECONDS status ok bad
	run_suite "$suite" >"$log" 2>&1 </dev/null
	status=$?
	times >"$logs/$suite.times"
	read -r ok bad <<<"$(counts "$log")"
	ok=${ok:-0}
	bad=${bad:-0}
	# A suite that fails without saying what, or that ran nothing, is a failure too.
	if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$ok" -eq 0 ]; }; then
		bad=1
	fi
	echo "$ok $bad" >"$logs/$suite.counts"
	{
		printf '%-14s %4d passed, %d failed  (%d s, %d s of processors)\n' "$suite" "$ok" "$bad" $((SECONDS - began)) \
			"$(used_of "$logs/$suite.times")"
		if [ "$bad" -gt 0 ]; then
			tail -n 200 "$log" | sed 's/^/    /'
			echo "    (all of it: $log)"
		fi
	} >"$logs/$suite.report"
	cat "$logs/$suite.report"
}

# Suites wait more than they work: as many as there are lanes run at a time. What measures times runs alone, first. What only
# works and never waits runs behind the others, with what they leave.
lanes=${LANES:-2}
alone=flood
behind=lint
[ $# -gt 0 ] || set -- "${all[@]}"
# In process groups of their own, so that an interrupt reaches a suite and all that it started.
set -m
trap 'kill -INT $(jobs -p | sed "s/^/-/") 2>/dev/null; wait; exit 130' INT TERM
first=() last=() rest=()
for suite in "$@"; do
	rm -f "$logs/$suite.counts"
	case $suite in
	"$alone") first+=("$suite") ;;
	"$behind") last+=("$suite") ;;
	*) rest+=("$suite") ;;
	esac
done
for suite in "${first[@]}"; do
	report_suite "$suite" &
	wait
done
pids=
for suite in "${last[@]}"; do
	{ renice -n 10 "$BASHPID" >/dev/null && report_suite "$suite"; } &
	pids+="$!|"
done
for suite in "${rest[@]}"; do
	while [ "$(jobs -pr | grep -vcxE "${pids}-")" -ge "$lanes" ]; do
		wait -n
	done
	report_suite "$suite" &
done
wait
for suite in "$@"; do
	ok=0 bad=1
	[ ! -e "$logs/$suite.counts" ] || read -r ok bad <"$logs/$suite.counts"
	passed=$((passed + ok))
	failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
