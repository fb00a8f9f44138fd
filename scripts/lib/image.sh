# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Make the disk that a guest boots from. It does not contain drvbus, which each run puts
# on a payload disk.

# Folders of the kernel modules that a guest may need. Modules for other hardware would only
# make depmod slow.
GUEST_MODULES=(arch crypto fs lib
	drivers/{acpi,base,block,char,counter,firmware,gpio,hid,input,pps,ptp,rtc,tty,uio,virtio})

copy_modules() {
	local from=$1/usr/lib/modules/$3 to=$2/usr/lib/modules/$3 part parts=()
	for part in "${GUEST_MODULES[@]}"; do
		[[ ! -d $from/kernel/$part ]] || parts+=("kernel/$part")
	done
	mkdir -p "$to"
	(cd "$from" && tar -c "${parts[@]}" modules.{order,builtin,builtin.modinfo}) |
		tar -C "$to" -x
	chroot "$2" depmod "$3"
}

install_payload_runner() {
	local root=$1
	install -D -m 755 "$TOP/tests/vm/image/run-payload" "$root/usr/local/sbin/run-payload"
	install -D -m 644 "$TOP/tests/vm/image/payload.service" \
		"$root/etc/systemd/system/payload.service"
	mkdir -p "$root/payload"
	chroot "$root" systemctl --quiet enable payload.service
}

# Disable services that a guest does not need, because they make the boot longer.
trim_boot() {
	local root=$1
	chroot "$root" systemctl --quiet mask \
		getty@tty1.service serial-getty@ttyS0.service getty.target \
		systemd-timesyncd.service systemd-networkd.service systemd-resolved.service \
		systemd-logind.service systemd-pstore.service systemd-binfmt.service \
		apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
		e2scrub_all.timer e2scrub_reap.service fstrim.timer \
		systemd-firstboot.service keyboard-setup.service console-setup.service \
		modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service \
		dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount \
		systemd-random-seed.service systemd-remount-fs.service
	# They run at each boot and at each "systemctl daemon-reload". Only the one for /etc/fstab has something to do.
	local generator
	mkdir -p "$root/etc/systemd/system-generators"
	for generator in "$root"/usr/lib/systemd/system-generators/*; do
		[[ ${generator##*/} == systemd-fstab-generator ]] ||
			ln -s /dev/null "$root/etc/systemd/system-generators/${generator##*/}"
	done
	# systemd then considers /etc and /var up to date with /usr, and does not run services such as ldconfig.
	touch "$root/etc/.updated" "$root/var/.updated"
}

configure_guest() {
	local root=$1
	printf '/dev/vda / ext4 rw,noatime 0 1\n' >"$root/etc/fstab"
	printf 'drvbus-guest\n' >"$root/etc/hostname"
	# If machine-id were empty, systemd would treat the boot as the first one.
	printf '%s\n' 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	mkdir -p "$root/etc/systemd/journald.conf.d"
	printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' \
		>"$root/etc/systemd/journald.conf.d/guest.conf"
	chroot "$root" systemctl --quiet set-default multi-user.target
}

make_guest_root() {
	local dir=$1 release=$2 from root version
	from=$(root_path "$release" build)
	version=$(basename "$from"/usr/lib/modules/*)
	mkdir "$dir"
	root=$dir/root
	make_root "$root" "$release" "$(guest_packages "$release")"
	copy_modules "$from" "$root" "$version"
	install_payload_runner "$root"
	configure_guest "$root"
	trim_boot "$root"
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*
	mke2fs -q -t ext4 -L guest -E lazy_itable_init=0 -d "$root" "$dir/disk" 2G
	rm -rf "$root"
	cp -L "$from/boot/vmlinuz-$version" "$dir/vmlinuz"
	cp -L "$from/boot/initrd.img-$version" "$dir/initrd"
	printf '%s\n' "$version" >"$dir/version"
}
