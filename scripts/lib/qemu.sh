# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Boot a guest and watch over it.

# KVM may be there and still not work (nested, say), so a kernel is booted
# with it: one that finds no root disk panics, and with that has shown enough.
kvm_works() {
	local kernel=$1
	[[ -w /dev/kvm ]] || return 1
	timeout --kill-after=1 8 qemu-system-x86_64 -accel kvm -cpu host -m 256 -nodefaults \
		-display none -serial stdio -no-reboot -kernel "$kernel" \
		-append "console=ttyS0 panic=-1" </dev/null 2>/dev/null |
		grep -q 'Kernel panic'
}

# Found out once a run; remembered for the scripts this one calls.
choose_accelerator() {
	[[ -z ${DRVBUS_ACCEL:-} ]] || return 0
	if kvm_works "$1"; then
		DRVBUS_ACCEL=kvm
	else
		DRVBUS_ACCEL=tcg
	fi
	export DRVBUS_ACCEL
}

# Options that name the kernel and what goes with it; those of the image where empty.
GUEST_KERNEL=()

# Hardware for tests: two serial ports with a cable between them, and a card that raises an interrupt when it
# is told to (docs/specs/edu.rst of QEMU).
guest_devices() {
	local cable=drvbus-$BASHPID
	GUEST_DEVICES=(
		-chardev "socket,id=near,path=$cable,abstract=on,server=on,wait=off"
		-chardev "socket,id=far,path=$cable,abstract=on"
		-device "pci-serial-2x,chardev1=near,chardev2=far"
		-device edu)
}

# usage: boot_guest IMAGE PAYLOAD OUT
# Replaces the shell. Writes OUT/console (kernel, systemd), OUT/output (what
# the payload prints) and OUT/results.tar (what it leaves).
boot_guest() {
	local image=$1 payload=$2 out=$3 accel kernel=("${GUEST_KERNEL[@]}")
	# no_timer_check: a busy host ticks an emulated timer too late for that check, and the kernel panics.
	((${#kernel[@]})) || kernel=(-kernel "$image/vmlinuz" -initrd "$image/initrd" -append
		'root=/dev/vda rw console=ttyS0 loglevel=4 panic=-1 oops=panic log_buf_len=4M fsck.mode=skip mitigations=off no_timer_check psi=1')
	case $DRVBUS_ACCEL in
	kvm) accel=(-accel kvm -cpu host) ;;
	# What newer processors have (AVX, five-level pages) is slow to emulate:
	# with "-cpu max" a boot takes half as long again.
	*) accel=(-accel "tcg,thread=multi" -cpu Nehalem) ;;
	esac
	guest_devices
	exec qemu-system-x86_64 "${accel[@]}" -smp 2 -m 1024 \
		-nodefaults -display none -no-reboot -nic none "${kernel[@]}" \
		-serial "file:$out/console" "${GUEST_DEVICES[@]}" \
		-drive "file=$image/disk,format=raw,if=virtio,snapshot=on,cache=unsafe" \
		-drive "file=$payload,format=raw,if=virtio,readonly=on" \
		-device virtio-rng-pci -device virtio-serial \
		-chardev "file,id=output,path=$out/output" \
		-device virtserialport,chardev=output,name=output \
		-chardev "file,id=results,path=$out/results.tar" \
		-device virtserialport,chardev=results,name=results
}

progress() { stat -c %s "$1/console" "$1/output" "$1/results.tar" 2>/dev/null || true; }

# End the guest when it makes no progress or takes too long, and say so.
# usage: watch_guest PID OUT LIMIT IDLE_LIMIT (seconds)
watch_guest() {
	local pid=$1 out=$2 limit=$3 idle_limit=$4 started=$SECONDS changed=$SECONDS
	local before='' now
	while kill -0 "$pid" 2>/dev/null; do
		now=$(progress "$out")
		[[ $now == "$before" ]] || changed=$SECONDS
		before=$now
		if ((SECONDS - changed > idle_limit)); then
			printf 'no sign of life for %d s\n' "$idle_limit" >"$out/stopped"
		elif ((SECONDS - started > limit)); then
			printf 'not done after %d s\n' "$limit" >"$out/stopped"
		fi
		[[ ! -e $out/stopped ]] || kill -KILL "$pid"
		sleep 0.5
	done
}

# Now and then an emulated processor that has read another one's code while that was being patched
# runs into the breakpoint that stood there for the time being, and the kernel does not boot. That is the
# emulator's; nothing of ours has run before there is output.
emulator_has_failed() { [[ $DRVBUS_ACCEL == tcg && ! -s $1/output ]] && grep -q 'int3: 0000 ' "$1/console"; }

# usage: run_guest IMAGE PAYLOAD OUT LIMIT IDLE_LIMIT
run_guest() {
	local rc=0
	run_guest_once "$@" || rc=1
	emulator_has_failed "$3" || return "$rc"
	say "the emulator failed as the guest booted; once more"
	run_guest_once "$@"
}

run_guest_once() {
	local image=$1 payload=$2 out=$3 limit=$4 idle_limit=$5 pid watcher rc=0
	rm -rf "$out"
	mkdir -p "$out"
	(boot_guest "$image" "$payload" "$out") >"$out/qemu" 2>&1 </dev/null &
	pid=$!
	watch_guest "$pid" "$out" "$limit" "$idle_limit" &
	watcher=$!
	wait "$pid" || rc=$?
	wait "$watcher"
	[[ -e $out/stopped || $rc == 0 ]] || printf 'qemu ended with %d\n' "$rc" >"$out/stopped"
	[[ ! -e $out/stopped ]]
}
