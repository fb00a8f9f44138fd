# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Run suites of tests and write their results to files, which results.py reads.

RESULTS=$BUILD/results

results() { python3 "$LIB/results.py" "$@"; }

# Run a command that prints "ok NAME" or "not ok NAME" for each test. The command
# itself is a failed test if it fails without a failed test, or runs no test at all.
# usage: suite NAME COMMAND...
suite() {
	local name=$1 tap=$RESULTS/$1.tap log=$RESULTS/$1.log started=$SECONDS rc=0
	shift
	mkdir -p "$RESULTS"
	timed "$name" "$@" >"$tap.new" 2>"$log" </dev/null || rc=$?
	if ! grep -q -E '^(not )?ok ' "$tap.new"; then
		suite_failed "$name ran no test (status $rc)" "$log" >>"$tap.new"
	elif ((rc)) && ! grep -q '^not ok ' "$tap.new"; then
		suite_failed "$name ended with status $rc" "$log" >>"$tap.new"
	fi
	mv "$tap.new" "$tap"
	report_suite "$name" "$((SECONDS - started))"
}

# usage: suite_failed TEXT LOG
suite_failed() {
	printf 'not ok %s\n' "$1"
	tail -n 60 "$2" | sed 's/^/  /'
}

# usage: count ok|'not ok' FILE
count() { grep -c "^$1 " "$2" || true; }

# Print one line, and every failure with its output. A single write, because other
# suites may run at the same time.
report_suite() {
	local name=$1 took=$2 tap=$RESULTS/$1.tap text
	text=$(
		printf '%-24s %4d passed %4d failed %5d s\n' "$name" \
			"$(count ok "$tap")" "$(count 'not ok' "$tap")" "$took"
		sed -n -E '/^not ok /,/^ok /{/^ok /!p}' "$tap"
	)
	printf '%s\n' "$text"
}
