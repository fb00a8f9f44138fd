# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Counting. Every test is a line "ok NAME" or "not ok NAME", the latter followed
# by what is to be known about it, indented.

RESULTS=$BUILD/results

# usage: check NAME COMMAND...: one test, good if the command succeeds.
check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1 </dev/null); then
		printf 'ok %s\n' "$name"
	else
		printf 'not ok %s\n' "$name"
		tail -n 100 <<<"$output" | sed 's/^/  /'
	fi
}

# usage: suite NAME COMMAND...: what the command prints are results of tests.
# One that fails without saying which test, or says nothing, failed as such.
suite() {
	local name=$1 tap=$RESULTS/$1.tap started=$SECONDS rc=0
	shift
	mkdir -p "$RESULTS"
	"$@" >"$tap.new" 2>"$RESULTS/$name.log" </dev/null || rc=$?
	if ! grep -q -E '^(not )?ok ' "$tap.new"; then
		printf 'not ok %s ran no test (status %d)\n' "$name" "$rc" >>"$tap.new"
		tail -n 60 "$RESULTS/$name.log" | sed 's/^/  /' >>"$tap.new"
	elif ((rc)) && ! grep -q '^not ok ' "$tap.new"; then
		printf 'not ok %s ended with %d\n' "$name" "$rc" >>"$tap.new"
		tail -n 60 "$RESULTS/$name.log" | sed 's/^/  /' >>"$tap.new"
	fi
	mv "$tap.new" "$tap"
	report_suite "$name" "$((SECONDS - started))"
}

# usage: count ok|'not ok' FILE...
count() {
	local kind=$1
	shift
	cat "$@" | grep -c "^$kind " || true
}

# One line, and the failures in full; in one piece, for suites may run side by side.
report_suite() {
	local name=$1 took=$2 tap=$RESULTS/$1.tap text
	text=$(
		printf '%-24s %4d passed %4d failed %5d s\n' "$name" \
			"$(count ok "$tap")" "$(count 'not ok' "$tap")" "$took"
		sed -n -E '/^not ok /,/^ok /{/^ok /!p}' "$tap"
	)
	printf '%s\n' "$text"
}

# The last line; false unless all is well.
report_all() {
	local passed failed
	passed=$(count ok "$RESULTS"/*.tap)
	failed=$(count 'not ok' "$RESULTS"/*.tap)
	printf '%d passed, %d failed\n' "$passed" "$failed"
	((passed > 0 && failed == 0))
}
