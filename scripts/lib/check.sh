# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Run one command as a test. The guests use this file as well.

# Print "ok NAME # time=Nms" if the command succeeds, otherwise "not ok NAME # time=Nms"
# and the end of the command's output, indented.
# usage: check NAME COMMAND...
check() {
	local name=$1 result=ok started=${EPOCHREALTIME/./} output
	shift
	output=$("$@" 2>&1 </dev/null) || result='not ok'
	printf '%s %s # time=%dms\n' "$result" "$name" "$(((${EPOCHREALTIME/./} - started) / 1000))"
	[[ $result == ok ]] || tail -n 100 <<<"$output" | sed 's/^/  /'
}
