# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Run commands in a build root.
#
#   /src        the checkout, read-only
#   /build      build/RELEASE
#   /cache      caches of compilers and linters, which are kept when the checkout is deleted
#   /tmp, /run  empty
#
# All other directories are read-only. The command has its own mount and PID namespaces, so its mounts
# and processes end with it.

# usage: in_root RELEASE COMMAND...   (after have_root RELEASE build)
in_root() {
	local release=$1
	shift
	enter_root "$release" "$BUILD/$release" "$CACHE/tools" "$@"
}

# Run a command with other directories as /build and /cache.
# usage: enter_root RELEASE BUILD_DIR CACHE_DIR COMMAND...
enter_root() {
	local release=$1 work=$2 kept=$3 propagation=private
	shift 3
	# In a chroot whose root is not a mount point, / cannot be made private.
	unshare --mount --propagation private true 2>/dev/null || propagation=unchanged
	mkdir -p "$work" "$kept"
	unshare --mount --propagation "$propagation" --pid --fork --kill-child --net --ipc --uts \
		"$LIB/root-init" "$(root_path "$release" build)" "$TOP" "$work" "$kept" "$@"
}
