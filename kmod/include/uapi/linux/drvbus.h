/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * drvbus: what a process sees of a channel's node, /dev/drvbus/NAME.
 *
 * All integers are in the byte order of the machine. The layout is the same for
 * 32-bit and 64-bit processes.
 */
#ifndef _UAPI_LINUX_DRVBUS_H
#define _UAPI_LINUX_DRVBUS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Grows only when something a process relies on changes its meaning. */
#define DRVBUS_ABI_VERSION	1

/* Longest channel name, without the terminating NUL: [A-Za-z0-9_-]{1,31}. */
#define DRVBUS_NAME_MAX		31

/* Largest payload of one event, in bytes. */
#define DRVBUS_PAYLOAD_MAX	65536

/* Deepest ring, in events. */
#define DRVBUS_DEPTH_MAX	65536

/* Longest format text, in bytes, without the terminating NUL. */
#define DRVBUS_FORMAT_MAX	1024

/* Every record starts at a multiple of this many bytes. */
#define DRVBUS_RECORD_ALIGN	8

/* struct drvbus_record.flags */
#define DRVBUS_EVENT_URGENT	(1U << 0)	/* poll: EPOLLPRI, SIGIO: POLL_PRI */

/**
 * struct drvbus_record - one event as read() and pread() hand it out
 * @sequence: number of the event in its channel; the first is 1, each next one
 *	      is one more. A jump means that events were overwritten before this
 *	      reader got to them; the difference says how many.
 * @time_ns: CLOCK_MONOTONIC at emit, in nanoseconds
 * @id: what happened; the driver says what its ids mean
 * @flags: DRVBUS_EVENT_*
 * @length: bytes of payload, without the padding
 * @reserved: zero
 * @payload: @length bytes, padded with zeros to DRVBUS_RECORD_ALIGN
 */
struct drvbus_record {
	__aligned_u64 sequence;
	__aligned_u64 time_ns;
	__u32 id;
	__u32 flags;
	__u32 length;
	__u32 reserved;
	__u8 payload[];
};

/**
 * struct drvbus_info - answer of DRVBUS_IOC_INFO
 * @abi_version: DRVBUS_ABI_VERSION of the module
 * @depth: how many events the ring holds
 * @payload_size: largest payload of an event of this channel, in bytes
 * @reserved: zero
 * @oldest_sequence: sequence of the oldest event held; where none is held, that
 *		     of the next event
 * @next_sequence: sequence that the next event will get
 * @overwritten: events that are no longer held
 * @instance: tells this channel from every other one that has had its name since
 *	      boot; sequences of different instances have nothing to do with each
 *	      other
 */
struct drvbus_info {
	__u32 abi_version;
	__u32 depth;
	__u32 payload_size;
	__u32 reserved;
	__aligned_u64 oldest_sequence;
	__aligned_u64 next_sequence;
	__aligned_u64 overwritten;
	__aligned_u64 instance;
};

#define DRVBUS_IOC_MAGIC	0xDC

/*
 * Fills a struct drvbus_info. EFAULT: the pointer is bad.
 */
#define DRVBUS_IOC_INFO		_IOR(DRVBUS_IOC_MAGIC, 0x01, struct drvbus_info)

/*
 * Takes a pointer to an eventfd's number, or to -1 to take the eventfd back.
 * Each open file has at most one; a new one replaces it. The eventfd's counter
 * grows by one for each event, and at registration by one for each event that
 * is already there to read, so that an EFD_SEMAPHORE counts events: each exactly
 * once, also one that happens during registration. When the channel goes, the
 * counter grows by one more, and read() then tells.
 * EFAULT: the pointer is bad. EBADF: no such fd. EINVAL: not an eventfd.
 * ENODEV: the channel is gone.
 */
#define DRVBUS_IOC_EVENTFD	_IOW(DRVBUS_IOC_MAGIC, 0x02, __s32)

#endif /* _UAPI_LINUX_DRVBUS_H */
