// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notification of a channel's clients, by all means that they can use: the wait
 * queue (read(), poll()), eventfds and SIGIO.
 */

#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "channel.h"
#include "compat.h"
#include "notify.h"

/**
 * struct drvbus_eventfd - registration of an eventfd with a client
 * @rcu: frees the registration after calls of drvbus_emit() that may use it
 * @ctx: the eventfd; the registration holds a reference to it
 * @first: sequence of the first event that drvbus_notify_event() counts; the
 *	   registration itself has counted all earlier ones
 */
struct drvbus_eventfd {
	struct rcu_head rcu;
	struct eventfd_ctx *ctx;
	u64 first;
};

/**
 * drvbus_notify_event() - Notify all clients of an event
 * @channel: the channel
 * @sequence: sequence of the event, which is in the ring already
 * @flags: flags of the event. DRVBUS_EVENT_URGENT also wakes clients that wait
 *	   for EPOLLPRI only, and sets the code of SIGIO to POLL_PRI.
 *
 * Context: As drvbus_emit(), under rcu_read_lock() and no lock of drvbus.ko.
 */
void drvbus_notify_event(struct drvbus_channel *channel, u64 sequence,
			 u32 flags)
{
	bool urgent = flags & DRVBUS_EVENT_URGENT;
	struct drvbus_eventfd *eventfd;
	struct drvbus_client *client;

	list_for_each_entry_rcu(client, &channel->clients, list_entry) {
		eventfd = rcu_dereference(client->eventfd);
		if (eventfd && sequence >= eventfd->first)
			drvbus_eventfd_add(eventfd->ctx, 1);
	}
	wake_up_interruptible_poll(&channel->wait,
				   EPOLLIN | EPOLLRDNORM |
				   (urgent ? EPOLLPRI : 0));
	kill_fasync(&channel->fasync, SIGIO, urgent ? POLL_PRI : POLL_IN);
}

/**
 * drvbus_notify_removal() - Notify all clients that the channel was removed
 * @channel: the channel, whose ring is closed
 *
 * Context: Process context, under rcu_read_lock() and no lock of drvbus.ko.
 */
void drvbus_notify_removal(struct drvbus_channel *channel)
{
	struct drvbus_eventfd *eventfd;
	struct drvbus_client *client;

	list_for_each_entry_rcu(client, &channel->clients, list_entry) {
		eventfd = rcu_dereference(client->eventfd);
		if (eventfd)
			drvbus_eventfd_add(eventfd->ctx, 1);
	}
	wake_up_all(&channel->wait);
	kill_fasync(&channel->fasync, SIGIO, POLL_HUP);
}

static void drvbus_eventfd_free_rcu(struct rcu_head *rcu)
{
	struct drvbus_eventfd *eventfd =
		container_of(rcu, struct drvbus_eventfd, rcu);

	eventfd_ctx_put(eventfd->ctx);
	kfree(eventfd);
}

/*
 * Frees @eventfd after a grace period, because drvbus_emit() on another CPU may
 * still use it. Does not wait.
 */
static void drvbus_eventfd_free(struct drvbus_eventfd *eventfd)
{
	if (eventfd)
		call_rcu(&eventfd->rcu, drvbus_eventfd_free_rcu);
}

/*
 * Replaces the client's eventfd by @eventfd, or by none if @eventfd is NULL.
 * Sets @pending to the number of events that the client can read at this moment.
 * The caller adds @pending to the eventfd, and drvbus_notify_event() adds 1 for
 * each later event. The ring's lock separates the two groups of events, so that
 * every event is counted exactly once.
 */
static int drvbus_eventfd_replace(struct drvbus_client *client,
				  struct drvbus_eventfd *eventfd, u32 *pending)
{
	struct drvbus_ring *ring = &client->channel->ring;
	struct drvbus_eventfd *old;
	unsigned long flags;
	u64 from;

	if (mutex_lock_interruptible(&client->lock))
		return -ERESTARTSYS;
	raw_spin_lock_irqsave(&ring->lock, flags);
	if (eventfd && ring->closed) {
		raw_spin_unlock_irqrestore(&ring->lock, flags);
		mutex_unlock(&client->lock);
		return -ENODEV;
	}
	if (eventfd)
		eventfd->first = ring->next;
	from = max_t(u64, atomic64_read(&client->position),
		     drvbus_ring_oldest(ring));
	*pending = ring->next - from;
	old = rcu_replace_pointer(client->eventfd, eventfd,
				  lockdep_is_held(&client->lock));
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	mutex_unlock(&client->lock);

	drvbus_eventfd_free(old);
	return 0;
}

static int drvbus_eventfd_set(struct drvbus_client *client, struct file *file)
{
	struct drvbus_eventfd *eventfd;
	struct eventfd_ctx *ctx;
	u32 pending;
	int ret;

	ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	eventfd = kzalloc(sizeof(*eventfd), GFP_KERNEL_ACCOUNT);
	if (!eventfd) {
		ret = -ENOMEM;
		goto err_put;
	}
	eventfd->ctx = ctx;
	ret = drvbus_eventfd_replace(client, eventfd, &pending);
	if (ret)
		goto err_free;

	/*
	 * Another thread may have replaced @eventfd by now, and so dropped its
	 * reference to @ctx. The caller's reference to @file keeps @ctx valid.
	 */
	drvbus_eventfd_add(ctx, pending);
	return 0;

err_free:
	kfree(eventfd);
err_put:
	eventfd_ctx_put(ctx);
	return ret;
}

/**
 * drvbus_notify_set_eventfd() - Register or unregister a client's eventfd
 * @client: the client
 * @fd: descriptor of the eventfd; -1 unregisters the current one
 *
 * See DRVBUS_IOC_EVENTFD for what the eventfd counts.
 *
 * Context: Process context. Takes the client's and the ring's lock.
 * Return: 0 on success. -EBADF: @fd is not open. -EINVAL: it is not an eventfd.
 *	   -ENODEV: the channel was removed. -ENOMEM: not enough memory.
 *	   -ERESTARTSYS: interrupted by a signal.
 */
int drvbus_notify_set_eventfd(struct drvbus_client *client, int fd)
{
	struct file *file;
	u32 pending;
	int ret;

	if (fd == -1)
		return drvbus_eventfd_replace(client, NULL, &pending);

	file = eventfd_fget(fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = drvbus_eventfd_set(client, file);
	fput(file);

	return ret;
}

/**
 * drvbus_notify_release_eventfd() - Drop the eventfd of a client being closed
 * @client: the client; already removed from the channel's list
 *
 * Context: Process context. The caller has exclusive access to @client, except
 *	    for RCU readers.
 */
void drvbus_notify_release_eventfd(struct drvbus_client *client)
{
	drvbus_eventfd_free(rcu_dereference_protected(client->eventfd, true));
}
