// SPDX-License-Identifier: GPL-2.0-only
/*
 * File operations of a channel's node. Each open file is a client with a
 * position of its own. <uapi/linux/drvbus.h> describes what each call does.
 */

#include <linux/compat.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "channel.h"
#include "notify.h"

/* Minimum size of a client's buffer, in bytes. */
#define DRVBUS_BUFFER_SIZE_MIN SZ_4K

static struct drvbus_client *drvbus_client_alloc(struct drvbus_channel *channel)
{
	struct drvbus_client *client;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return NULL;

	client->buffer_size = max_t(size_t, channel->ring.stride,
				    DRVBUS_BUFFER_SIZE_MIN);
	client->buffer = kvmalloc(client->buffer_size,
				  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!client->buffer) {
		kfree(client);
		return NULL;
	}
	mutex_init(&client->lock);
	client->channel = channel;

	return client;
}

static int drvbus_client_open(struct inode *inode, struct file *file)
{
	struct drvbus_channel *channel =
		container_of(inode->i_cdev, struct drvbus_channel, cdev);
	struct drvbus_ring_state state = drvbus_ring_state(&channel->ring);
	struct drvbus_client *client;

	if (state.closed)
		return -ENODEV;

	client = drvbus_client_alloc(channel);
	if (!client)
		return -ENOMEM;

	atomic64_set(&client->position, state.oldest);
	get_device(&channel->dev);
	mutex_lock(&channel->clients_lock);
	list_add_tail_rcu(&client->list_entry, &channel->clients);
	WRITE_ONCE(channel->num_clients, channel->num_clients + 1);
	mutex_unlock(&channel->clients_lock);
	file->private_data = client;

	return 0;
}

/*
 * The position is in the client, not in file->f_pos. The client's lock
 * serializes its changes, so threads that share a file never get the same event.
 * A read() that waits for an event does not hold this lock, so an lseek() of
 * another thread does not wait for it.
 *
 * Because of FMODE_STREAM, the VFS passes no position to read(). This
 * distinguishes read() from pread().
 */
static int drvbus_open(struct inode *inode, struct file *file)
{
	file->f_mode |= FMODE_STREAM;
	return drvbus_client_open(inode, file);
}

/* stream_open() makes pread() and lseek() fail. */
static int drvbus_legacy_open(struct inode *inode, struct file *file)
{
	int ret = drvbus_client_open(inode, file);

	return ret ?: stream_open(inode, file);
}

static int drvbus_release(struct inode *inode, struct file *file)
{
	struct drvbus_client *client = file->private_data;
	struct drvbus_channel *channel = client->channel;

	mutex_lock(&channel->clients_lock);
	list_del_rcu(&client->list_entry);
	WRITE_ONCE(channel->num_clients, channel->num_clients - 1);
	mutex_unlock(&channel->clients_lock);

	drvbus_notify_release_eventfd(client);
	kvfree(client->buffer);
	mutex_destroy(&client->lock);
	kfree_rcu(client, rcu);
	put_device(&channel->dev);

	return 0;
}

static bool drvbus_client_readable(struct drvbus_client *client,
				   const loff_t *ppos)
{
	struct drvbus_ring_state state =
		drvbus_ring_state(&client->channel->ring);
	u64 position = ppos ? *ppos : atomic64_read(&client->position);

	return state.closed || max(position, state.oldest) < state.next;
}

/*
 * Copies records to user memory, from @position on. Advances @position only
 * past records that were copied: a bad user address must not lose an event.
 */
static ssize_t drvbus_copy_to_user(struct drvbus_client *client,
				   char __user *buf, size_t count,
				   u64 *position)
{
	size_t done = 0;
	ssize_t ret;

	do {
		u64 next = *position;

		ret = drvbus_ring_copy(&client->channel->ring, &next,
				       client->buffer,
				       min(count - done, client->buffer_size));
		if (ret <= 0)
			break;
		if (copy_to_user(buf + done, client->buffer, ret)) {
			ret = -EFAULT;
			break;
		}
		*position = next;
		done += ret;
		cond_resched();
	} while (!signal_pending(current));

	return done ?: ret;
}

/* @ppos is the position for pread(). It is NULL for read(). */
static ssize_t drvbus_read_available(struct drvbus_client *client,
				     char __user *buf, size_t count,
				     loff_t *ppos)
{
	u64 position;
	ssize_t ret;

	if (mutex_lock_interruptible(&client->lock))
		return -ERESTARTSYS;

	position = ppos ? *ppos : atomic64_read(&client->position);
	ret = drvbus_copy_to_user(client, buf, count, &position);
	if (ret > 0) {
		if (ppos)
			*ppos = position;
		else
			atomic64_set(&client->position, position);
	}
	mutex_unlock(&client->lock);

	return ret;
}

static ssize_t drvbus_read(struct file *file, char __user *buf, size_t count,
			   loff_t *ppos)
{
	struct drvbus_client *client = file->private_data;
	ssize_t ret;

	/* No record can fit, so do not wait for one. */
	if (count < sizeof(struct drvbus_record))
		return -EINVAL;

	for (;;) {
		ret = drvbus_read_available(client, buf, count, ppos);
		if (ret != -EAGAIN || file->f_flags & O_NONBLOCK)
			return ret;
		ret = wait_event_interruptible(client->channel->wait,
					       drvbus_client_readable(client,
								      ppos));
		if (ret)
			return ret;
	}
}

static loff_t drvbus_seek(struct drvbus_client *client, loff_t offset,
			  int whence)
{
	struct drvbus_ring_state state =
		drvbus_ring_state(&client->channel->ring);
	loff_t base;
	loff_t target;

	switch (whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = atomic64_read(&client->position);
		break;
	case SEEK_END:
		base = state.next;
		break;
	default:
		return -EINVAL;
	}
	if (check_add_overflow(base, offset, &target))
		return -EINVAL;
	if (target < 0 || target > state.next)
		return -EINVAL;
	if (!target)
		target = state.oldest;

	atomic64_set(&client->position, target);
	return target;
}

static loff_t drvbus_llseek(struct file *file, loff_t offset, int whence)
{
	struct drvbus_client *client = file->private_data;
	loff_t ret;

	if (mutex_lock_interruptible(&client->lock))
		return -ERESTARTSYS;
	ret = drvbus_seek(client, offset, whence);
	mutex_unlock(&client->lock);

	return ret;
}

static __poll_t drvbus_poll(struct file *file, struct poll_table_struct *wait)
{
	struct drvbus_client *client = file->private_data;
	struct drvbus_ring_state state;
	__poll_t mask = 0;
	u64 from;

	poll_wait(file, &client->channel->wait, wait);
	state = drvbus_ring_state(&client->channel->ring);
	from = max_t(u64, atomic64_read(&client->position), state.oldest);
	if (from < state.next)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (from <= state.last_urgent)
		mask |= EPOLLPRI;
	if (state.closed)
		mask |= EPOLLHUP;

	return mask;
}

static int drvbus_fasync(int fd, struct file *file, int on)
{
	struct drvbus_client *client = file->private_data;

	return fasync_helper(fd, file, on, &client->channel->fasync);
}

static long drvbus_ioctl_info(struct drvbus_channel *channel,
			      struct drvbus_info __user *user)
{
	struct drvbus_ring_state state = drvbus_ring_state(&channel->ring);
	struct drvbus_info info = {
		.abi_version = DRVBUS_ABI_VERSION,
		.depth = channel->ring.depth,
		.payload_size = channel->payload_size,
		.oldest_sequence = state.oldest,
		.next_sequence = state.next,
		.overwritten = state.overwritten,
		.instance = channel->instance,
	};

	return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
}

static long drvbus_ioctl_eventfd(struct drvbus_client *client,
				 const s32 __user *user)
{
	s32 fd;

	if (get_user(fd, user))
		return -EFAULT;
	return drvbus_notify_set_eventfd(client, fd);
}

static long drvbus_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct drvbus_client *client = file->private_data;
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case DRVBUS_IOC_INFO:
		return drvbus_ioctl_info(client->channel, user);
	case DRVBUS_IOC_EVENTFD:
		return drvbus_ioctl_eventfd(client, user);
	default:
		return -ENOTTY;
	}
}

const struct file_operations drvbus_fops = {
	.owner = THIS_MODULE,
	.open = drvbus_open,
	.release = drvbus_release,
	.read = drvbus_read,
	.llseek = drvbus_llseek,
	.poll = drvbus_poll,
	.fasync = drvbus_fasync,
	.unlocked_ioctl = drvbus_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

const struct file_operations drvbus_legacy_fops = {
	.owner = THIS_MODULE,
	.open = drvbus_legacy_open,
	.release = drvbus_release,
	.read = drvbus_read,
	.fasync = drvbus_fasync,
};
