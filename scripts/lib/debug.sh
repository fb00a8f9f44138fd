# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Run the tests of the kernel module on the debug kernel (KASAN, lockdep, kmemleak and more), and those of the
# daemon that need the devices that this kernel simulates.

# usage: build_debug_modules RELEASE
build_debug_modules() {
	run_logged "$BUILD/$1/log/build-debug" enter_root "$1" "$BUILD/$1" \
		"$(root_path "$1" debug)" /src/scripts/lib/root-debug-modules
}

# usage: make_debug_payload RELEASE DISK FILTER
make_debug_payload() {
	local from=$BUILD/$1 disk=$2 names=$3 dir
	dir=$(mktemp -d)
	mkdir "$dir/tests"
	cp -a "$TOP/tests/vm/debug/init" "$dir/main"
	cp -a "$LIB"/{run_tests.py,check.sh} "$dir/"
	cp -a "$from/debug/modules" "$dir/modules"
	cp -a "$from"/programs/tests/{kmod_test,kmod_faults,debug_devices} "$dir/tests/"
	cp -a "$from"/tree/usr/{libexec/drvbusd,share/drvbus/presets} "$dir/"
	printf '%s\n' "$names" >"$dir/filter"
	make_payload_disk "$dir" "$disk"
}

# usage: debug_run RELEASE FILTER LIMIT IDLE_LIMIT
# The results are in build/RELEASE/guest-debug.
debug_run() {
	local release=$1 names=$2 limit=$3 idle_limit=$4 out=$BUILD/$1/guest-debug$RETRY
	# The root is the disk of the guest. Process 1 is on the payload disk. acpi=noirq, because with the checks of
	# each allocation the ACPI interpreter takes minutes to route interrupts.
	# shellcheck disable=SC2034 # boot_guest uses it
	local GUEST_KERNEL=(-kernel "$(root_path "$release" debug)/vmlinuz" -m 2048 -append
		'root=/dev/vda rw console=ttyS0 loglevel=4 panic=-1 oops=panic mitigations=off no_timer_check log_buf_len=16M acpi=noirq init=/bin/sh -- -c "mount -r /dev/vdb /payload && exec /payload/main"')
	make_debug_payload "$release" "$out.disk" "$names" &&
		run_guest "$(root_path "$release" guest)" "$out.disk" "$out" "$limit" "$idle_limit" &&
		unpack_results "$out"
}

# usage: debug_tests RELEASE: uses the build in build/RELEASE.
debug_tests() {
	local out=$BUILD/$1/guest-debug$RETRY
	check 'the modules build for the debug kernel' build_debug_modules "$1"
	debug_run "$1" "$FILTER" 1800 700 || true
	guest_tap "$out"
	check 'the guest powers off' guest_ended "$out"
	check 'the kernel log is clean' kernel_clean "$out"
}
