// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring of a channel: slots of one size, each for one record in the layout
 * that read() returns.
 */

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
 * Returns the slot of an event. Counting back from the head avoids a division of
 * the 64-bit sequence by the depth, which need not be a power of two.
 */
static struct drvbus_record *slot_at(const struct drvbus_ring *ring,
				     u64 sequence)
{
	u32 distance = ring->next - sequence;

	lockdep_assert_held(&ring->lock);
	if (distance > ring->head)
		return slot(ring, ring->head + ring->depth - distance);
	return slot(ring, ring->head - distance);
}

/**
 * drvbus_ring_init() - Initialize a ring and allocate its slots
 * @ring: the ring, zeroed
 * @depth: number of events that it stores
 * @payload_size: maximum payload of an event in bytes
 *
 * drvbus_ring_free() may also be called if this function fails.
 *
 * Context: Process context. May sleep.
 * Return: 0 on success. -EINVAL: an argument is outside its range, or the ring
 *	   would exceed DRVBUS_RING_BYTES_MAX. -ENOMEM: not enough memory.
 */
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

	/* No stack trace in the log: the driver handles the error. */
	ring->slots = kvcalloc(depth, ring->stride, GFP_KERNEL | __GFP_NOWARN);
	return ring->slots ? 0 : -ENOMEM;
}

/**
 * drvbus_ring_free() - Free the slots of a ring
 * @ring: the ring, which is no longer in use
 */
void drvbus_ring_free(struct drvbus_ring *ring)
{
	kvfree(ring->slots);
}

static void write_record(struct drvbus_record *record,
			 const struct drvbus_event *event, u64 sequence)
{
	u32 padded_length = record_size(event->length) - sizeof(*record);

	record->sequence = sequence;
	/* The lock ensures that the time does not decrease within a channel. */
	record->time_ns = ktime_get_ns();
	record->id = event->id;
	record->flags = event->flags;
	record->length = event->length;
	record->reserved = 0;
	if (event->length)
		memcpy(record->payload, event->payload, event->length);
	/* The padding must not expose data of an earlier event in this slot. */
	memset(record->payload + event->length, 0,
	       padded_length - event->length);
}

/**
 * drvbus_ring_push() - Write an event to a ring
 * @ring: the ring
 * @event: the event; the caller has checked the length of its payload
 * @sequence: where to store the sequence of the event
 *
 * If the ring is full, the event overwrites the oldest one.
 *
 * Context: Any context except NMI. Takes the ring's lock.
 * Return: 0 on success. -ENODEV: the ring is closed.
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
		ring->last_urgent = *sequence;
	raw_spin_unlock_irqrestore(&ring->lock, flags);

	return 0;
}

/**
 * drvbus_ring_copy() - Copy records out of a ring
 * @ring: the ring
 * @position: sequence of the first event to copy. If it was overwritten, the
 *	      oldest event comes first. Set to the sequence after the last copied
 *	      event.
 * @buffer: kernel buffer for complete records
 * @size: size of @buffer in bytes
 *
 * Context: Any context except NMI. Takes the ring's lock.
 * Return: Number of bytes copied. 0: no event at or after @position, and the
 *	   ring is closed. -EAGAIN: no event at or after @position yet. -EINVAL:
 *	   the first record does not fit into @buffer.
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
		const struct drvbus_record *record = slot_at(ring, sequence);
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

/**
 * drvbus_ring_close() - Make a ring reject further events
 * @ring: the ring
 *
 * Context: Any context except NMI. Takes the ring's lock.
 */
void drvbus_ring_close(struct drvbus_ring *ring)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&ring->lock, flags);
	ring->closed = true;
	raw_spin_unlock_irqrestore(&ring->lock, flags);
}

/**
 * drvbus_ring_state() - Take a snapshot of a ring
 * @ring: the ring
 *
 * Context: Any context except NMI. Takes the ring's lock.
 * Return: The state at one moment.
 */
struct drvbus_ring_state drvbus_ring_state(struct drvbus_ring *ring)
{
	struct drvbus_ring_state state;
	unsigned long flags;

	raw_spin_lock_irqsave(&ring->lock, flags);
	state.oldest = drvbus_ring_oldest(ring);
	state.next = ring->next;
	state.last_urgent = ring->last_urgent;
	state.overwritten = state.oldest - 1;
	state.closed = ring->closed;
	raw_spin_unlock_irqrestore(&ring->lock, flags);

	return state;
}
