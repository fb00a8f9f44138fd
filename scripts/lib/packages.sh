# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The packages of each root, by release.

# The build root, for builds, checks, unit tests and integration tests.
build_packages() {
	local common=(
		g++ ccache meson ninja-build pkgconf make bc kmod xz-utils
		libsystemd-dev libsdbus-c++-dev libsdbus-c++-bin libspdlog-dev
		libtomlplusplus-dev libcli11-dev libutfcpp-dev libfmt-dev libgtest-dev libgmock-dev libevdev-dev libpcre2-dev libboost-dev
		linux-image-amd64 linux-headers-amd64
		systemd udev dbus dbus-daemon python3 python3-gi gir1.2-glib-2.0 libglib2.0-bin
		procps perl locales
	)
	printf '%s\n' "${common[@]}"
	case $1 in
	# bookworm has the packages for lint, the fuzzers and the debug kernel as well, which are used for one release only.
	bookworm)
		printf '%s\n' linux-source-6.1 sparse clang-format clang-tidy shellcheck \
			clang llvm libclang-rt-14-dev flex bison libelf-dev libssl-dev cpio busybox-static
		;;
	trixie) printf '%s\n' systemd-dev ;;
	esac
}

# The root of a guest.
guest_packages() {
	local common=(
		systemd systemd-sysv udev kmod procps passwd
		python3 python3-gi gir1.2-glib-2.0 libglib2.0-bin libsystemd0
	)
	printf '%s\n' "${common[@]}"
	case $1 in
	bookworm) printf '%s\n' dbus libsdbus-c++1 libspdlog1.10 libfmt9 libtomlplusplus3 ;;
	trixie) printf '%s\n' dbus-broker libsdbus-c++2 libspdlog1.15 libfmt10 libtomlplusplus3t64 ;;
	esac
}
