# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What a guest is given, and what it hands back.
#
# The payload disk: main and guest/ (tests/vm/guest), tree/ (what was installed
# for this release), tests/ and examples/ (programs), what (to do), filter.

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

# The directory becomes the disk.
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
# Leaves all in build/RELEASE/guest-WHAT; false if the guest did not get to
# its end by itself.
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

# Take apart what came back. No results is a failure of its own.
unpack_results() {
	local out=$1
	mkdir -p "$out/results"
	tar -C "$out/results" -xf "$out/results.tar" 2>"$out/unpack" &&
		[[ -e $out/results/status ]]
}

# What makes a kernel log a failure.
KERNEL_TROUBLE='BUG[: ]|WARNING: |Oops|[Cc]all [Tt]race|general protection|possible circular locking|inconsistent lock state|suspicious RCU|rcu.*stall|soft lockup|hung_task|blocked for more than|refcount_t:|UBSAN|KASAN|kmemleak: [0-9]+ new|trying to register non-static key|turning off the locking correctness|ODEBUG:|[^/]use-after-free|Kernel panic|unable to handle|Unknown symbol|disagrees about version'
# Out-of-tree (12) and unsigned (13) modules taint; that much is wanted.
ALLOWED_TAINT=$((4096 | 8192))

# A log without the reports, with their call traces, of drvbusd killed for want of
# memory in its cgroup: tests have that done. One of anything else stays.
without_wanted_kills() {
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

# Prints what is wrong with the kernel's log and state; false if anything is.
kernel_clean() {
	local out=$1 tainted rc=0
	if without_wanted_kills "$out/console" "$out/results/dmesg" | grep -n -E -A 30 "$KERNEL_TROUBLE"; then
		rc=1
	fi
	tainted=$(cat "$out/results/tainted" 2>/dev/null) || tainted=unknown
	if [[ ! $tainted =~ ^[0-9]+$ ]] || ((tainted & ~ALLOWED_TAINT)); then
		printf 'kernel taint: %s (allowed: %d)\n' "$tainted" "$ALLOWED_TAINT"
		rc=1
	fi
	[[ -s $out/results/dmesg ]] || { printf 'no kernel log came back\n' && rc=1; }
	return "$rc"
}

# The results of a guest's tests, whether or not it lived to hand them back.
# usage: guest_tap OUT
guest_tap() {
	local out=$1
	if [[ -e $out/results/tests.tap ]]; then
		cat "$out/results/tests.tap"
		return
	fi
	# The output has them too, among all that the tests have said.
	awk '/^(not )?ok / { print; inside = /^not/; sub(/^(not )?ok /, ""); sub(/ # time=[0-9]+ms$/, ""); done[$0] = 1; next }
		/^plan / { sub(/^plan /, ""); plan[$0] = 1; next }
		inside && /^  / { print; next } { inside = 0 }
		END { for (test in plan) if (!(test in done))
			printf "not ok %s\n  did not run: the guest ended before\n", test }' "$out/output"
}

# One line says how the guest itself did; what it said last helps when it hung.
# usage: guest_end_tap OUT
guest_end_tap() {
	local out=$1
	check 'the guest runs to its end' guest_ended "$out"
	check 'no unit of the guest failed' diff /dev/null "$out/results/failed-units"
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
