# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The package sources: the configuration of apt on this machine.

# Print the URL of the archive from which this machine installs Debian main. It has the other
# releases as well.
apt_site() {
	local codename site
	codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	site=$(main_site "$codename")
	if [[ -z $site ]]; then
		# apt lists its sources only after the first update.
		run_logged "$CACHE/log/apt-update" apt-get update -q
		site=$(main_site "$codename")
	fi
	[[ -n $site ]] || die "apt has no source for Debian ${codename:-?} main"
	printf '%s\n' "$site"
}

main_site() {
	# shellcheck disable=SC2016 # apt replaces these variables
	apt-get indextargets --format '$(SITE) $(ORIGIN) $(CODENAME) $(COMPONENT) $(CREATED_BY)' |
		awk -v codename="$1" '$2 == "Debian" && $3 == codename && $4 == "main" &&
			$5 == "Packages" && !seen++ { print $1 }'
}

# Print the transport settings of apt, such as a proxy, as one mmdebstrap option per line.
# mmdebstrap does not use the apt configuration of this machine.
apt_transport() {
	apt-config dump | sed -n -E \
		-e '/^Acquire::(http|https)::(Proxy|Proxy-Auto-Detect|CaInfo|Verify-Peer)[: ]/s/^/--aptopt=/p' \
		-e '/^Acquire::(Check-Valid-Until|Check-Date|ForceIPv4|ForceIPv6) /s/^/--aptopt=/p'
}

apt_keyring() { printf '%s\n' /usr/share/keyrings/debian-archive-keyring.gpg; }
