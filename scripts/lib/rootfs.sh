# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Make a root file system, and the build root.

# usage: make_root DIRECTORY RELEASE PACKAGES [MMDEBSTRAP_OPTION...]
make_root() {
	local dir=$1 release=$2 packages=$3 transport site
	shift 3
	site=$(apt_site)
	mapfile -t transport < <(apt_transport)
	mmdebstrap --variant=minbase --mode=root --format=directory \
		--keyring="$(apt_keyring)" --include="$(paste -sd, <<<"$packages")" \
		--aptopt='Acquire::Retries "3"' "${transport[@]}" \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		"$@" "$release" "$dir" "deb $site $release main"
}

# Configure the initrd with only the drivers for a virtio disk. An emulated processor needs
# many seconds to unpack a complete initrd.
prepare_initramfs() {
	local root=$1
	mkdir -p "$root/etc/initramfs-tools/conf.d" "$root/usr/share/initramfs-tools/modules.d"
	printf 'MODULES=list\nCOMPRESS=gzip\n' >"$root/etc/initramfs-tools/conf.d/guest"
	printf '%s\n' virtio_pci virtio_blk ext4 >"$root/usr/share/initramfs-tools/modules.d/guest"
}

# Unpack checkpatch and kernel-doc from the archive with the kernel source.
unpack_kernel_scripts() {
	local root=$1 archive
	for archive in "$root"/usr/src/linux-source-*.tar.xz; do
		[[ -e $archive ]] || continue
		tar -C "$root/usr/src" -xJf "$archive" --wildcards 'linux-source-*/scripts/*'
	done
}

make_build_root() {
	local dir=$1 release=$2
	# mmdebstrap runs its hooks in a new shell, so pass the definition of the function.
	make_root "$dir" "$release" "$(build_packages "$release")" \
		--essential-hook="$(declare -f prepare_initramfs); prepare_initramfs \"\$1\""
	unpack_kernel_scripts "$dir"
	mkdir "$dir/src" "$dir/build" "$dir/cache"
}
