# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What every script here starts from: paths, messages, locks.
# shellcheck disable=SC2034 # used by those that read this

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
	[[ $(id -u) == 0 ]] || die "must be run as root (it makes root file systems and mounts)"
	[[ $(dpkg --print-architecture) == amd64 ]] || die "needs Debian on amd64"
}

check_release() {
	local release
	for release in "${RELEASES[@]}"; do
		[[ $1 != "$release" ]] || return 0
	done
	die "unknown release '$1' (one of: ${RELEASES[*]})"
}

# Hold the lock of the calling shell and its children until they end.
# usage: hold_lock FILE shared|exclusive [FLOCK_OPTION...]
hold_lock() {
	local file=$1 kind=$2 fd
	shift 2
	mkdir -p "${file%/*}"
	exec {fd}>"$file"
	flock "$@" "--$kind" "$fd"
}

# usage: run_logged LOG COMMAND...: quiet unless it fails.
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
