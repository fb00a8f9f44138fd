# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Build roots and guest disks. They are made once and kept in the cache. KEY is a hash of the packages and
# scripts that they are made from.
#
#   $CACHE/RELEASE-build-KEY/   a root file system
#   $CACHE/RELEASE-guest-KEY/   disk, vmlinuz, initrd, version
#   $CACHE/RELEASE-debug-KEY/   a debug kernel: vmlinuz, version, and build/, to
#                               build modules against

LOCKS=$CACHE/locks

root_key() {
	local release=$1 kind=$2
	if [[ $kind == debug ]]; then
		debug_key "$release"
		return
	fi
	{
		build_packages "$release"
		cat "$LIB/rootfs.sh"
		if [[ $kind == guest ]]; then
			guest_packages "$release"
			cat "$LIB/image.sh" "$TOP"/tests/vm/image/*
		fi
	} | sha256sum | cut -c1-12
}

# The debug kernel is built in the build root, from the source in that root.
debug_key() {
	{
		root_key "$1" build
		cat "$LIB/root-debug-kernel" "$TOP/tests/vm/debug/kernel.config"
	} | sha256sum | cut -c1-12
}

# usage: root_path RELEASE build|guest|debug
root_path() { printf '%s\n' "$CACHE/$1-$2-$(root_key "$1" "$2")"; }

# Remove the roots with other keys that no process uses.
drop_old_roots() {
	local release=$1 kind=$2 keep=$3 old
	for old in "$CACHE/$release-$kind"-*; do
		[[ -e $old && $old != "$keep" && $old != *.tmp* ]] || continue
		(hold_lock "$LOCKS/${old##*/}" exclusive --nonblock && rm -rf "$old") || true
	done
}

make_cached() {
	local release=$1 kind=$2 path=$3 started=$SECONDS
	hold_lock "$LOCKS/make-$release-$kind" exclusive
	[[ ! -d $path ]] || return 0
	# A root of a run that was killed may still have mounts of /dev, /proc and /sys.
	rm -rf --one-file-system "$CACHE/$release-$kind"-*.tmp
	say "making the $kind root of $release"
	# A separate process with "set -e", so that it ends at the first step that fails.
	timed "$release $kind root" run_logged "$CACHE/log/$release-$kind" "$LIB/make-root" "$kind" "$path.tmp" "$release" &&
		mv "$path.tmp" "$path" || return
	drop_old_roots "$release" "$kind" "$path"
	say "made the $kind root of $release in $((SECONDS - started)) s"
}

# Make the root if it is not in the cache, and lock it against removal until this shell exits.
# usage: have_root RELEASE build|guest|debug
have_root() {
	local release=$1 kind=$2 path
	path=$(root_path "$release" "$kind")
	if [[ ! -d $path ]]; then
		# The kernel of a guest comes from the build root.
		[[ $kind == build ]] || have_root "$release" build
		(make_cached "$release" "$kind" "$path") || die "could not make $path"
	fi
	hold_lock "$LOCKS/${path##*/}" shared
	[[ -d $path ]] || die "$path has just been removed by another run"
}
