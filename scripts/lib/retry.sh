# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Run the tests that failed once more, alone. A test that then passes is flaky:
# it counts as passed, and its logs are kept. Three flaky tests fail the run.
# A suite in which something other than single tests failed (the kernel log, a leftover
# process, a guest that hung) is not retried (results.py).

# The guest that a kind of suite boots. Its results are in build/RELEASE/guest-NAME.
declare -A GUEST_OF=([vm]=tests [debug]=debug)

retry_suites() {
	local tap
	for tap in "$RESULTS"/*.tap; do
		retry_suite "$(basename "$tap" .tap)"
	done
}

# usage: retry_suite RELEASE-KIND
retry_suite() {
	local name=$1 first=$RESULTS/$1.tap second=$RESULTS/$1.retry.tap FILTER flaky
	# shellcheck disable=SC2034 # the functions that run the tests use it
	local RETRY=-retry
	FILTER=$(results retryable "$first")
	[[ -n $FILTER ]] || return 0
	say "$name: running the failed tests once more"
	suite "$name.retry" "${name#*-}_tests" "${name%%-*}"
	flaky=$(results flaky "$first" "$second")
	[[ -z $flaky ]] || keep_flaky_logs "$name"
}

# usage: keep_flaky_logs RELEASE-KIND
keep_flaky_logs() {
	local name=$1 kept=$RESULTS/flaky guest
	mkdir -p "$kept"
	cp "$RESULTS/$name"{,.retry}.{tap,log} "$kept"
	guest=${GUEST_OF[${name#*-}]:-}
	[[ -z $guest ]] || cp -r "$BUILD/${name%%-*}/guest-$guest"{,-retry} "$kept"
}
