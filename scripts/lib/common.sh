# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The paths, messages and locks that all scripts use.
# shellcheck disable=SC2034 # used by the scripts that source this file

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LIB=$TOP/scripts/lib
BUILD=$TOP/build
# A plain chroot may have no HOME set.
CACHE=${XDG_CACHE_HOME:-${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}/.cache}/drvbus
RELEASES=(bookworm trixie)
export LC_ALL=C.UTF-8

say() { printf '%s\n' "$*" >&2; }

die() {
	say "${0##*/}: $*"
	exit 2
}

need_root() {
	[[ $(id -u) == 0 ]] || die "must be run as root, because it creates root file systems and mounts them"
	[[ $(dpkg --print-architecture) == amd64 ]] || die "needs Debian on amd64"
}

check_release() {
	local release
	for release in "${RELEASES[@]}"; do
		[[ $1 != "$release" ]] || return 0
	done
	die "unknown release '$1' (one of: ${RELEASES[*]})"
}

# Lock FILE until the calling shell and its children exit.
# usage: hold_lock FILE shared|exclusive [FLOCK_OPTION...]
hold_lock() {
	local file=$1 kind=$2 fd
	shift 2
	mkdir -p "${file%/*}"
	exec {fd}>"$file"
	flock "$@" "--$kind" "$fd"
}

# Run a command with its output in LOG. Print the end of LOG if the command fails.
# usage: run_logged LOG COMMAND...
run_logged() {
	local log=$1 rc=0
	shift
	mkdir -p "$(dirname "$log")"
	"$@" >"$log" 2>&1 </dev/null || rc=$?
	if ((rc)); then
		say "FAILED ($rc): $*; the end of $log:"
		tail -n 60 "$log" >&2
	fi
	return "$rc"
}

# Set CPU_TICKS to the CPU time, in 1/100 s, of the children of this shell that have ended.
read_cpu_ticks() {
	local line fields
	read -r line <"/proc/$BASHPID/stat"
	# Skip the first two fields, because the second one, the name of the command, may contain spaces.
	read -r -a fields <<<"${line##*) }"
	CPU_TICKS=$((fields[13] + fields[14]))
}

# Run a command and append its name, start, end and CPU seconds to $TIMES, if set.
# usage: timed NAME COMMAND...
timed() {
	local name=$1 started=$SECONDS rc=0 before
	shift
	read_cpu_ticks
	before=$CPU_TICKS
	"$@" || rc=$?
	read_cpu_ticks
	[[ -z ${TIMES:-} ]] || printf '%s\t%d\t%d\t%d\n' "$name" "$started" "$SECONDS" \
		"$(((CPU_TICKS - before) / 100))" >>"$TIMES"
	return "$rc"
}
