# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Boot a guest, and end it if it hangs.

# Return whether KVM works. /dev/kvm may exist although KVM does not work, for example in a virtual
# machine. The function therefore boots the kernel without a root disk and waits for its panic.
kvm_works() {
	local kernel=$1
	[[ -w /dev/kvm ]] || return 1
	timeout --kill-after=1 8 qemu-system-x86_64 -accel kvm -cpu host -m 256 -nodefaults \
		-display none -serial stdio -no-reboot -kernel "$kernel" \
		-append "console=ttyS0 panic=-1" </dev/null 2>/dev/null |
		grep -q 'Kernel panic'
}

# Set DRVBUS_ACCEL to "kvm" or "tcg", once per run. Scripts that this one calls inherit it.
choose_accelerator() {
	[[ -z ${DRVBUS_ACCEL:-} ]] || return 0
	if kvm_works "$1"; then
		DRVBUS_ACCEL=kvm
	else
		DRVBUS_ACCEL=tcg
	fi
	export DRVBUS_ACCEL
}

# QEMU options for the kernel, its initrd and its command line. If empty, those for the kernel of the image are used.
GUEST_KERNEL=()

# Hardware for tests: two serial ports that a cable connects, and a card that raises an interrupt on request
# (docs/specs/edu.rst of QEMU).
guest_devices() {
	local cable=drvbus-$BASHPID
	GUEST_DEVICES=(
		-chardev "socket,id=near,path=$cable,abstract=on,server=on,wait=off"
		-chardev "socket,id=far,path=$cable,abstract=on"
		-device "pci-serial-2x,chardev1=near,chardev2=far"
		-device edu)
}

# usage: boot_guest IMAGE PAYLOAD OUT
# Replaces the shell. Writes OUT/console (kernel and systemd), OUT/output (output of the
# payload) and OUT/results.tar (results of the payload).
boot_guest() {
	local image=$1 payload=$2 out=$3 accel kernel=("${GUEST_KERNEL[@]}")
	# no_timer_check: on a busy host an emulated timer is late, so the check would fail and the kernel panic.
	((${#kernel[@]})) || kernel=(-kernel "$image/vmlinuz" -initrd "$image/initrd" -append
		'root=/dev/vda rw console=ttyS0 loglevel=4 panic=-1 oops=panic log_buf_len=4M fsck.mode=skip mitigations=off no_timer_check psi=1')
	case $DRVBUS_ACCEL in
	kvm) accel=(-accel kvm -cpu host) ;;
	# Features of newer processors (AVX, five-level pages) are slow to emulate:
	# a boot takes 50% longer with "-cpu max".
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

# Kill the guest if it writes no output for IDLE_LIMIT or runs longer than LIMIT. Writes the reason to OUT/stopped.
# usage: watch_guest PID OUT LIMIT IDLE_LIMIT (seconds)
watch_guest() {
	local pid=$1 out=$2 limit=$3 idle_limit=$4 started=$SECONDS changed=$SECONDS
	local before='' now
	while kill -0 "$pid" 2>/dev/null; do
		now=$(progress "$out")
		[[ $now == "$before" ]] || changed=$SECONDS
		before=$now
		if ((SECONDS - changed > idle_limit)); then
			printf 'no output for %d s\n' "$idle_limit" >"$out/stopped"
		elif ((SECONDS - started > limit)); then
			printf 'not finished after %d s\n' "$limit" >"$out/stopped"
		fi
		[[ ! -e $out/stopped ]] || kill -KILL "$pid"
		sleep 0.5
	done
}

# Return whether the boot failed because of a bug of the emulator. While the kernel patches its code, it writes a
# temporary breakpoint. Sometimes an emulated processor executes this breakpoint after the kernel has removed it, and
# the kernel does not boot. There is no output in this case, because the payload has not started.
emulator_has_failed() { [[ $DRVBUS_ACCEL == tcg && ! -s $1/output ]] && grep -q 'int3: 0000 ' "$1/console"; }

# usage: run_guest IMAGE PAYLOAD OUT LIMIT IDLE_LIMIT
run_guest() {
	local rc=0
	run_guest_once "$@" || rc=1
	emulator_has_failed "$3" || return "$rc"
	say "the emulator failed while the guest booted; booting it once more"
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
	[[ -e $out/stopped || $rc == 0 ]] || printf 'QEMU ended with status %d\n' "$rc" >"$out/stopped"
	[[ ! -e $out/stopped ]]
}
