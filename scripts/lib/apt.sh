# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Where packages come from: what apt is set up with on this machine.

# The archive that serves Debian's own main suite here; it serves the other
# releases as well.
apt_site() {
	local codename site
	codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	site=$(main_site "$codename")
	if [[ -z $site ]]; then
		# Before the first update apt does not know what it is set up with.
		run_logged "$CACHE/log/apt-update" apt-get update -q
		site=$(main_site "$codename")
	fi
	[[ -n $site ]] || die "apt has no source for Debian ${codename:-?} main"
	printf '%s\n' "$site"
}

main_site() {
	# shellcheck disable=SC2016 # apt fills these in
	apt-get indextargets --format '$(SITE) $(ORIGIN) $(CODENAME) $(COMPONENT) $(CREATED_BY)' |
		awk -v codename="$1" '$2 == "Debian" && $3 == codename && $4 == "main" &&
			$5 == "Packages" && !seen++ { print $1 }'
}

# apt's transport settings, one mmdebstrap option a line: a root is made with
# an apt configuration of its own, which would not know of a proxy.
apt_transport() {
	apt-config dump | sed -n -E \
		-e '/^Acquire::(http|https)::(Proxy|Proxy-Auto-Detect|CaInfo|Verify-Peer)[: ]/s/^/--aptopt=/p' \
		-e '/^Acquire::(Check-Valid-Until|Check-Date|ForceIPv4|ForceIPv6) /s/^/--aptopt=/p'
}

apt_keyring() { printf '%s\n' /usr/share/keyrings/debian-archive-keyring.gpg; }
