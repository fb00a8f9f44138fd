/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ring of a channel: the newest events, in slots of one size.
 */
#ifndef DRVBUS_RING_H
#define DRVBUS_RING_H

#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* Largest ring, in bytes. */
#define DRVBUS_RING_BYTES_MAX	SZ_64M

/*
 * The lock is raw because drivers emit from hard interrupts; it is held only
 * while bytes are copied between kernel buffers.
 */
struct drvbus_ring {
	raw_spinlock_t lock;
	void *slots;
	u32 depth;
	u32 stride;
	u32 head;	/* slot of the next event */
	u32 count;	/* events in the ring */
	u64 next;	/* sequence of the next event */
	u64 urgent;	/* sequence of the newest urgent event; 0: none yet */
	bool closed;	/* takes no more events */
};

struct drvbus_ring_state {
	u64 oldest;
	u64 next;
	u64 urgent;
	u64 overruns;	/* events that newer ones have overwritten */
	bool closed;
};

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

/* Sequence of the oldest event held. The caller holds the lock. */
static inline u64 drvbus_ring_oldest(const struct drvbus_ring *ring)
{
	return ring->next - ring->count;
}

struct drvbus_ring_state drvbus_ring_state(struct drvbus_ring *ring);

#endif /* DRVBUS_RING_H */
