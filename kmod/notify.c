// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waking those who have a channel open: wait queue, eventfds, SIGIO.
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

struct drvbus_eventfd {
	struct rcu_head rcu;
	struct eventfd_ctx *ctx;
	u64 first;	/* sequence of the first event that emit counts */
};

void drvbus_notify_event(struct drvbus_channel *channel, u64 sequence,
			 u32 flags)
{
	bool urgent = flags & DRVBUS_EVENT_URGENT;
	struct drvbus_eventfd *eventfd;
	struct drvbus_client *client;

	list_for_each_entry_rcu(client, &channel->clients, node) {
		eventfd = rcu_dereference(client->eventfd);
		/* An earlier event was counted by who set the eventfd. */
		if (eventfd && sequence >= eventfd->first)
			drvbus_eventfd_add(eventfd->ctx, 1);
	}
	wake_up_interruptible_poll(&channel->wait,
				   EPOLLIN | EPOLLRDNORM |
				   (urgent ? EPOLLPRI : 0));
	kill_fasync(&channel->fasync, SIGIO, urgent ? POLL_PRI : POLL_IN);
}

void drvbus_notify_disconnect(struct drvbus_channel *channel)
{
	struct drvbus_eventfd *eventfd;
	struct drvbus_client *client;

	list_for_each_entry_rcu(client, &channel->clients, node) {
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

/* An emit on another CPU may be about to signal it. */
static void drvbus_eventfd_free(struct drvbus_eventfd *eventfd)
{
	if (eventfd)
		call_rcu(&eventfd->rcu, drvbus_eventfd_free_rcu);
}

/*
 * Puts @eventfd (NULL: none) in place of the one that is there. Which events
 * emit counts and which are @pending is decided under the ring's lock, so that
 * each is counted exactly once.
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

	/* The client may already have lost it; the caller's @file keeps it. */
	drvbus_eventfd_add(ctx, pending);
	return 0;

err_free:
	kfree(eventfd);
err_put:
	eventfd_ctx_put(ctx);
	return ret;
}

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

void drvbus_notify_release_eventfd(struct drvbus_client *client)
{
	drvbus_eventfd_free(rcu_dereference_protected(client->eventfd, true));
}
