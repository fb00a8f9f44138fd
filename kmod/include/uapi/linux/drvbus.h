/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * drvbus: the device node of a channel, /dev/drvbus/NAME.
 *
 * A channel is one stream of events, which a driver emits. Its ring stores the
 * newest events. Each open file of the node is a client of the channel and has
 * a position of its own: the sequence of the next event to read. Every client
 * can read every event; reading does not remove an event from the ring.
 *
 * open()	ENODEV: the driver is removing the channel.
 * read()	Returns as many complete records as fit into the buffer, from
 *		the client's position on, and advances the position. If newer
 *		events have overwritten the event at the position, the first
 *		record is the oldest one in the ring, and its sequence shows the
 *		gap. Without O_NONBLOCK, read() waits for an event. 0 (end of
 *		file): the channel was removed and no event is left to read.
 *		EAGAIN: no event to read, with O_NONBLOCK. EINVAL: the buffer is
 *		smaller than a record without payload or than the next
 *		record. EFAULT: bad
 *		buffer; the position has not moved past a record that was not
 *		copied.
 * pread()	As read(), from the sequence given as offset (0: the oldest
 *		event) and without use of the client's position. EINVAL also: a
 *		negative offset.
 * lseek()	Sets the position. SEEK_SET: to a sequence; SEEK_CUR: relative to
 *		the position; SEEK_END: relative to the sequence of the next
 *		event. A result of 0 stands for the oldest event. EINVAL: the
 *		result is negative or greater than the sequence of the next event.
 * poll()	EPOLLIN, EPOLLRDNORM: an event at or after the position. EPOLLPRI:
 *		one of these is urgent. EPOLLHUP: the channel was removed.
 * O_ASYNC	A signal for each event. Pending SIGIO signals merge into one;
 *		realtime signals (F_SETSIG) are queued. After F_SETSIG, si_code
 *		is POLL_IN, or POLL_PRI if the event is urgent, or POLL_HUP when
 *		the channel was removed.
 *
 * drvbus_sim can create a channel whose node imitates that of a simple driver
 * (setting "legacy"): it offers open(), read() and O_ASYNC only.
 *
 * All integers are in native byte order. The layout of the structures is the
 * same for 32-bit and 64-bit processes.
 */
#ifndef _UAPI_LINUX_DRVBUS_H
#define _UAPI_LINUX_DRVBUS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * Version of this interface. It increases when an existing part changes its
 * meaning, not when a part is added.
 */
#define DRVBUS_ABI_VERSION	1

/*
 * Maximum length of a channel name and of an event name, in bytes, without the
 * terminating NUL. Both match [A-Za-z0-9_-]{1,31}.
 */
#define DRVBUS_NAME_MAX		31

/* Maximum payload of one event, in bytes. */
#define DRVBUS_PAYLOAD_MAX	65536

/* Maximum depth of a ring, in events. */
#define DRVBUS_DEPTH_MAX	65536

/* Maximum length of a format, in bytes, without the terminating NUL. */
#define DRVBUS_FORMAT_MAX	1024

/* Alignment of each record in a buffer that read() has filled, in bytes. */
#define DRVBUS_RECORD_ALIGN	8

/* struct drvbus_record.flags */
#define DRVBUS_EVENT_URGENT	(1U << 0)	/* EPOLLPRI, POLL_PRI */

/**
 * struct drvbus_record - one event, as read() and pread() return it
 * @sequence: number of the event in its channel. The first event is 1, and each
 *	      event is one more than its predecessor. A gap between two records
 *	      means that newer events overwrote the events between them before
 *	      the client read them; the difference gives their number.
 * @time_ns: time at which the event was emitted: CLOCK_MONOTONIC, in
 *	     nanoseconds. Does not decrease within a channel.
 * @id: kind of event; the driver defines the numbers; any value
 * @flags: DRVBUS_EVENT_* bits; all other bits are 0
 * @length: size of the payload in bytes, without padding; 0 to the channel's
 *	    payload size
 * @reserved: 0
 * @payload: @length bytes, followed by zero bytes up to the next multiple of
 *	     DRVBUS_RECORD_ALIGN, where the next record begins
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
 * struct drvbus_info - state of a channel, result of DRVBUS_IOC_INFO
 * @abi_version: DRVBUS_ABI_VERSION of the module
 * @depth: number of events that the ring can store; 1 to DRVBUS_DEPTH_MAX
 * @payload_size: maximum payload of an event of this channel, in bytes; 0 to
 *		  DRVBUS_PAYLOAD_MAX
 * @reserved: 0
 * @oldest_sequence: sequence of the oldest event in the ring. Equal to
 *		     @next_sequence if the ring is empty.
 * @next_sequence: sequence that the next event will get; at least 1
 * @overwritten: number of events that newer events have overwritten, whether or
 *		 not a client had read them
 * @instance: identifies the channel among all channels that have had its name
 *	      since the system booted. Two different values mean that the channel
 *	      was removed and created again in between; the sequences of the two
 *	      channels are not related.
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

/* ioctl() with any other request fails with ENOTTY. */
#define DRVBUS_IOC_MAGIC	0xDC

/*
 * Gets the state of the channel. Works after the channel was removed, too.
 *
 * Argument: pointer to a struct drvbus_info, which the ioctl fills in.
 * EFAULT: the pointer is bad.
 */
#define DRVBUS_IOC_INFO		_IOR(DRVBUS_IOC_MAGIC, 0x01, struct drvbus_info)

/*
 * Registers an eventfd with the client, in addition to poll() and O_ASYNC. A
 * client has at most one eventfd; a new registration replaces it.
 *
 * The registration adds the number of events that the client can read at that
 * moment to the eventfd's counter. Each event after that adds 1. Every event is
 * counted exactly once, also if it is emitted during the registration, so an
 * eventfd with EFD_SEMAPHORE counts events. An event is in the ring before it is
 * counted. The removal of the channel adds 1, too, and read() then returns 0
 * after the last event.
 *
 * The client holds a reference to the eventfd until it is replaced or
 * unregistered or the client is closed. The process may close the descriptor.
 *
 * Argument: pointer to the number of the eventfd's descriptor, or to -1, which
 * unregisters the eventfd, if any.
 * EFAULT: the pointer is bad. EBADF: the descriptor is not open. EINVAL: it is
 * not an eventfd. ENODEV: the channel was removed (not with -1). ENOMEM: not
 * enough memory. EINTR: a signal interrupted the call. If an error is returned,
 * the registration has not changed.
 */
#define DRVBUS_IOC_EVENTFD	_IOW(DRVBUS_IOC_MAGIC, 0x02, __s32)

#endif /* _UAPI_LINUX_DRVBUS_H */
