/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ring of a channel, which stores its newest events.
 */
#ifndef DRVBUS_RING_H
#define DRVBUS_RING_H

#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* Maximum size of a ring, in bytes. */
#define DRVBUS_RING_BYTES_MAX	SZ_64M

/**
 * struct drvbus_ring - the newest events of a channel
 * @lock: protects all members. It is a raw spinlock because drivers emit in hard
 *	  interrupt context (not on PREEMPT_RT); its holders only copy bytes between
 *	  kernel buffers.
 * @slots: @depth slots of @stride bytes, one record in each
 * @depth: number of slots; constant
 * @stride: size of a slot in bytes; constant
 * @head: index of the slot for the next event
 * @count: number of events in the ring
 * @next: sequence of the next event
 * @last_urgent: sequence of the newest urgent event, overwritten or not; 0: none
 * @closed: the channel is being removed; the ring accepts no more events
 */
struct drvbus_ring {
	raw_spinlock_t lock;
	void *slots;
	u32 depth;
	u32 stride;
	u32 head;
	u32 count;
	u64 next;
	u64 last_urgent;
	bool closed;
};

/**
 * struct drvbus_ring_state - snapshot of a ring
 * @oldest: sequence of the oldest event, or @next if the ring is empty
 * @next: sequence of the next event
 * @last_urgent: sequence of the newest urgent event, overwritten or not; 0: none
 * @overwritten: number of events that newer events have overwritten
 * @closed: the ring accepts no more events
 */
struct drvbus_ring_state {
	u64 oldest;
	u64 next;
	u64 last_urgent;
	u64 overwritten;
	bool closed;
};

/**
 * struct drvbus_event - an event to write to a ring
 * @id: kind of event; the driver defines the numbers
 * @flags: DRVBUS_EVENT_* bits
 * @length: size of @payload in bytes, at most the payload size of the ring
 * @payload: borrowed for the call; may be NULL if @length is 0
 */
struct drvbus_event {
	u32 id;
	u32 flags;
	u32 length;
	const void *payload;
};

int drvbus_ring_init(struct drvbus_ring *ring, u32 depth, u32 payload_size);
void drvbus_ring_free(struct drvbus_ring *ring);

int drvbus_ring_push(struct drvbus_ring *ring,
		     const struct drvbus_event *event, u64 *sequence);
ssize_t drvbus_ring_copy(struct drvbus_ring *ring, u64 *position, void *buffer,
			 size_t size);
void drvbus_ring_close(struct drvbus_ring *ring);

/*
 * Sequence of the oldest event, or of the next event if the ring is empty. The
 * caller holds the lock.
 */
static inline u64 drvbus_ring_oldest(const struct drvbus_ring *ring)
{
	return ring->next - ring->count;
}

struct drvbus_ring_state drvbus_ring_state(struct drvbus_ring *ring);

#endif /* DRVBUS_RING_H */
