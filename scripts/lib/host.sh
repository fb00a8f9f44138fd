# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Install the packages that the host needs. Compilers and libraries are not among
# them: they are installed in the build roots.

host_missing() {
	local package
	for package in "$@"; do
		[[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
			printf '%s\n' "$package"
	done
}

# usage: host_install PACKAGE...
host_install() {
	local missing
	mapfile -t missing < <(host_missing "$@")
	((${#missing[@]})) || return 0
	say "installing on this machine: ${missing[*]}"
	hold_lock "$CACHE/locks/apt" exclusive
	run_logged "$CACHE/log/apt-update" apt-get update -q
	DEBIAN_FRONTEND=noninteractive run_logged "$CACHE/log/apt-install" \
		apt-get install -q -y --no-install-recommends "${missing[@]}"
}

host_setup() {
	host_install mmdebstrap debian-archive-keyring e2fsprogs util-linux \
		qemu-system-x86 xz-utils
}
