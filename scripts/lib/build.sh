# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Build for a release in its build root, into build/RELEASE.

build_key() { { root_key "$1" build && cat "$LIB"/root-{build,sanitized,fuzz} && echo "$@"; } | sha256sum; }

# A unity build compiles several sources as one, which takes half the time. The build for Debian 12 compiles each
# source by itself, so it finds a missing #include.
unity_options() { [[ $1 == bookworm ]] || printf '%s\n' --unity=on; }

# usage: build_release RELEASE [MESON_OPTION...]
build_release() {
	local release=$1 dir=$BUILD/$1 key options
	shift
	mapfile -t options < <(unity_options "$release")
	set -- "${options[@]}" "$@"
	key=$(build_key "$release" "$@")
	mkdir -p "$dir"
	# Files that were built in another root, or by another version of the scripts, cannot be used.
	if [[ $(cat "$dir/key" 2>/dev/null) != "$key" ]]; then
		find "$dir" -mindepth 1 -maxdepth 1 ! -name lock -exec rm -rf '{}' +
		printf '%s\n' "$key" >"$dir/key"
	fi
	run_logged "$dir/log/build" in_root "$release" /src/scripts/lib/root-build "$@"
}
