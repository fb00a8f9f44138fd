# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Run commands in a build root: /src is the checkout (read-only), /build is
# build/RELEASE, /cache outlives the checkout (what compilers and linters found,
# by the hash of what they read); all else but /tmp and /run is read-only. Mounts and
# processes live in namespaces that end with the command.

# usage: in_root RELEASE COMMAND...   (after have_root RELEASE build)
in_root() {
	local release=$1
	shift
	enter_root "$release" "$BUILD/$release" "$CACHE/tools" "$@"
}

# The same with other directories at /build and /cache.
# usage: enter_root RELEASE BUILD_DIR CACHE_DIR COMMAND...
enter_root() {
	local release=$1 work=$2 kept=$3 propagation=private
	shift 3
	# In a chroot that is no mount point there is no / to make private.
	unshare --mount --propagation private true 2>/dev/null || propagation=unchanged
	mkdir -p "$work" "$kept"
	unshare --mount --propagation "$propagation" --pid --fork --kill-child --net --ipc --uts \
		"$LIB/root-init" "$(root_path "$release" build)" "$TOP" "$work" "$kept" "$@"
}
