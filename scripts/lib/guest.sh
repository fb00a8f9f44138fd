# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Make the payload disk of a guest, run the guest, and check its results.
#
# The payload disk contains:
#   main, guest/      tests/vm/guest
#   tree/             the installed files of this release
#   tests/, examples/ programs
#   what              "tests", "demo" or "hello"
#   filter            a GoogleTest filter

# usage: make_payload RELEASE DISK WHAT FILTER [TEST_FILE...]
make_payload() {
	local release=$1 disk=$2 what=$3 filter=$4 from=$BUILD/$1 dir part
	shift 4
	dir=$(mktemp -d)
	mkdir "$dir/tests" "$dir/examples" "$dir/tree"
	cp -a "$TOP/tests/vm/guest" "$dir/guest"
	cp -a "$LIB/run_tests.py" "$dir/guest/"
	ln -s guest/main "$dir/main"
	for part in tree programs/tests programs/examples; do
		[[ ! -d $from/$part ]] || cp -a "$from/$part/." "$dir/${part##*/}/"
	done
	(($# == 0)) || cp -a "$@" "$dir/tests/"
	printf '%s\n' "$what" >"$dir/what"
	printf '%s\n' "$filter" >"$dir/filter"
	make_payload_disk "$dir" "$disk"
}

# Make a disk image from the directory, and remove the directory.
# usage: make_payload_disk DIRECTORY DISK
make_payload_disk() {
	local dir=$1 disk=$2
	rm -f "$disk"
	mke2fs -q -t ext4 -O ^has_journal -L payload -d "$dir" "$disk" \
		"$(($(du -sm "$dir" | cut -f1) * 5 / 4 + 16))M" 2>&1 | grep -v '^Creating' || true
	rm -rf "$dir"
	[[ -s $disk ]]
}

# usage: guest_run RELEASE WHAT FILTER LIMIT IDLE_LIMIT [TEST_FILE...]
# The results are in build/RELEASE/guest-WHAT. Fails if the guest did not power off by itself or has
# no results.
guest_run() {
	local release=$1 what=$2 filter=$3 limit=$4 idle_limit=$5 image out
	shift 5
	image=$(root_path "$release" guest)
	out=$BUILD/$release/guest-$what${RETRY:-}
	mkdir -p "$BUILD/$release"
	make_payload "$release" "$out.disk" "$what" "$filter" "$@" &&
		run_guest "$image" "$out.disk" "$out" "$limit" "$idle_limit" &&
		unpack_results "$out"
}

# Unpack the results. Fails if there are none.
unpack_results() {
	local out=$1
	mkdir -p "$out/results"
	tar -C "$out/results" -xf "$out/results.tar" 2>"$out/unpack" &&
		[[ -e $out/results/status ]]
}

# Messages in the kernel log that are a failure.
KERNEL_TROUBLE='BUG[: ]|WARNING: |Oops|[Cc]all [Tt]race|general protection|possible circular locking|inconsistent lock state|suspicious RCU|rcu.*stall|soft lockup|hung_task|blocked for more than|refcount_t:|UBSAN|KASAN|kmemleak: [0-9]+ new|trying to register non-static key|turning off the locking correctness|ODEBUG:|[^/]use-after-free|Kernel panic|unable to handle|Unknown symbol|disagrees about version'
# Modules that are out of tree (bit 12) or unsigned (bit 13) taint the kernel. This is expected.
ALLOWED_TAINT=$((4096 | 8192))

# Print a kernel log without the reports of the OOM killer about drvbusd in its cgroup, with their call
# traces: tests cause them. Reports about other processes are printed.
without_expected_oom_kills() {
	awk '/invoked oom-killer/ { report = "" ; inside = 1 }
		inside { report = report $0 "\n"
			if (/Memory cgroup out of memory: Killed|Out of memory and no killable/) {
				if (report !~ /Memory cgroup stats for [^\n]*\/drvbusd\.service/) print report
				inside = 0
				report = ""
			}
			next }
		{ print }
		END { print report }' "$@"
}

# Print the problems in the kernel log and in the taint of the kernel. Fails if there are any.
kernel_clean() {
	local out=$1 tainted rc=0
	if without_expected_oom_kills "$out/console" "$out/results/dmesg" | grep -n -E -A 30 "$KERNEL_TROUBLE"; then
		rc=1
	fi
	tainted=$(cat "$out/results/tainted" 2>/dev/null) || tainted=unknown
	if [[ ! $tainted =~ ^[0-9]+$ ]] || ((tainted & ~ALLOWED_TAINT)); then
		printf 'kernel taint: %s (allowed: %d)\n' "$tainted" "$ALLOWED_TAINT"
		rc=1
	fi
	[[ -s $out/results/dmesg ]] || { printf 'the results contain no kernel log\n' && rc=1; }
	return "$rc"
}

# Print the results of the tests in a guest, even if the guest crashed before it wrote them.
# usage: guest_tap OUT
guest_tap() {
	local out=$1
	if [[ -e $out/results/tests.tap ]]; then
		cat "$out/results/tests.tap"
		return
	fi
	# The output contains the results as well, mixed with the output of the tests.
	awk '/^(not )?ok / { print; inside = /^not/; sub(/^(not )?ok /, ""); sub(/ # time=[0-9]+ms$/, ""); done[$0] = 1; next }
		/^plan / { sub(/^plan /, ""); plan[$0] = 1; next }
		inside && /^  / { print; next } { inside = 0 }
		END { for (test in plan) if (!(test in done))
			printf "not ok %s\n  did not run, because the guest ended early\n", test }' "$out/output"
}

# Print the results of the checks of the guest itself: its end, its units and its kernel log.
# usage: guest_end_tap OUT
guest_end_tap() {
	local out=$1
	check 'the guest powers off' guest_ended "$out"
	check 'no unit of the guest failed' diff /dev/null "$out/results/failed-units"
	check 'no process is left in the guest' diff /dev/null "$out/results/left-processes"
	check 'the kernel log is clean' kernel_clean "$out"
}

guest_ended() {
	local out=$1
	[[ -e $out/stopped || ! -e $out/results/status ]] || return 0
	cat "$out/stopped" "$out/qemu" 2>/dev/null
	printf -- '--- end of the console:\n' && tail -n 30 "$out/console"
	printf -- '--- end of the output:\n' && tail -n 30 "$out/output"
	return 1
}
