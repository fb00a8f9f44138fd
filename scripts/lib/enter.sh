# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Run commands in a build root: /src is the checkout (read-only), /build is
# build/RELEASE, /cache outlives the checkout (what compilers and linters found,
# by the hash of what they read); all else but /tmp and /run is read-only. Mounts and
# processes live in namespaces that end with the command.

# usage: in_root RELEASE COMMAND...   (after have_root RELEASE build)
in_root() {
	local release=$1 propagation=private
	shift
	# In a chroot that is no mount point there is no / to make private.
	unshare --mount --propagation private true 2>/dev/null || propagation=unchanged
	mkdir -p "$BUILD/$release" "$CACHE/tools"
	unshare --mount --propagation "$propagation" --pid --fork --kill-child --net --ipc --uts \
		"$LIB/root-init" "$(root_path "$release" build)" "$TOP" "$BUILD/$release" "$CACHE/tools" "$@"
}
