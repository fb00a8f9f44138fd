// SPDX-License-Identifier: GPL-2.0-only

#include <linux/align.h>
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <uapi/linux/drvbus.h>

#include "ring.h"

static u32 record_size(u32 length)
{
	return ALIGN(sizeof(struct drvbus_record) + length,
		     DRVBUS_RECORD_ALIGN);
}

static struct drvbus_record *slot(const struct drvbus_ring *ring, u32 index)
{
	return ring->slots + (size_t)index * ring->stride;
}

/*
 * Counts back from the head, which needs no division: the sequence has 64 bits
 * and the depth need not be a power of two.
 */
static struct drvbus_record *slot_of(const struct drvbus_ring *ring,
				     u64 sequence)
{
	u32 back = ring->next - sequence;

	lockdep_assert_held(&ring->lock);
	if (back > ring->head)
		return slot(ring, ring->head + ring->depth - back);
	return slot(ring, ring->head - back);
}

int drvbus_ring_init(struct drvbus_ring *ring, u32 depth, u32 payload_size)
{
	raw_spin_lock_init(&ring->lock);
	if (!depth || depth > DRVBUS_DEPTH_MAX ||
	    payload_size > DRVBUS_PAYLOAD_MAX)
		return -EINVAL;

	ring->depth = depth;
	ring->stride = record_size(payload_size);
	ring->next = 1;
	if ((u64)depth * ring->stride > DRVBUS_RING_BYTES_MAX)
		return -EINVAL;

	/* The caller is told; the log need not have a stack trace as well. */
	ring->slots = kvcalloc(depth, ring->stride, GFP_KERNEL | __GFP_NOWARN);
	return ring->slots ? 0 : -ENOMEM;
}

void drvbus_ring_free(struct drvbus_ring *ring)
{
	kvfree(ring->slots);
}

static void write_record(struct drvbus_record *record,
			 const struct drvbus_event *event, u64 sequence)
{
	u32 size = record_size(event->length) - sizeof(*record);

	record->sequence = sequence;
	/* Taken under the lock, so that time never runs back in a channel. */
	record->time_ns = ktime_get_ns();
	record->id = event->id;
	record->flags = event->flags;
	record->length = event->length;
	record->reserved = 0;
	if (event->length)
		memcpy(record->payload, event->payload, event->length);
	/* The slot had another event: none of it may show in the padding. */
	memset(record->payload + event->length, 0, size - event->length);
}

/*
 * Puts an event in the place of the oldest one. The caller has checked that the
 * payload is not larger than the ring was made for.
 */
int drvbus_ring_push(struct drvbus_ring *ring,
		     const struct drvbus_event *event, u64 *sequence)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&ring->lock, flags);
	if (ring->closed) {
		raw_spin_unlock_irqrestore(&ring->lock, flags);
		return -ENODEV;
	}

	*sequence = ring->next++;
	write_record(slot(ring, ring->head), event, *sequence);
	if (++ring->head == ring->depth)
		ring->head = 0;
	if (ring->count < ring->depth)
		ring->count++;
	if (event->flags & DRVBUS_EVENT_URGENT)
		ring->urgent = *sequence;
	raw_spin_unlock_irqrestore(&ring->lock, flags);

	return 0;
}

/*
 * Copies as many whole records as fit, from @position (or the oldest event, if
 * that is newer) on, and moves @position behind them. Returns the bytes copied;
 * -EINVAL: not even the first record fits; -EAGAIN: there is no event yet; 0:
 * there is none and there will be none.
 */
ssize_t drvbus_ring_copy(struct drvbus_ring *ring, u64 *position, void *buffer,
			 size_t size)
{
	ssize_t ret = -EAGAIN;
	unsigned long flags;
	size_t done = 0;
	u64 sequence;

	raw_spin_lock_irqsave(&ring->lock, flags);
	sequence = max(*position, drvbus_ring_oldest(ring));
	while (sequence < ring->next) {
		const struct drvbus_record *record = slot_of(ring, sequence);
		u32 length = record_size(record->length);

		if (length > size - done) {
			ret = -EINVAL;
			break;
		}
		memcpy(buffer + done, record, length);
		done += length;
		sequence++;
	}
	if (ret == -EAGAIN && ring->closed)
		ret = 0;
	raw_spin_unlock_irqrestore(&ring->lock, flags);

	if (!done)
		return ret;
	*position = sequence;
	return done;
}

void drvbus_ring_close(struct drvbus_ring *ring)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&ring->lock, flags);
	ring->closed = true;
	raw_spin_unlock_irqrestore(&ring->lock, flags);
}

struct drvbus_ring_state drvbus_ring_state(struct drvbus_ring *ring)
{
	struct drvbus_ring_state state;
	unsigned long flags;

	raw_spin_lock_irqsave(&ring->lock, flags);
	state.oldest = drvbus_ring_oldest(ring);
	state.next = ring->next;
	state.urgent = ring->urgent;
	state.overruns = state.oldest - 1;
	state.closed = ring->closed;
	raw_spin_unlock_irqrestore(&ring->lock, flags);

	return state;
}
