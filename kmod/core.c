// SPDX-License-Identifier: GPL-2.0-only
/*
 * drvbus: channels that carry events from drivers to processes.
 *
 * This file creates and destroys channels and writes events to them.
 *
 * A channel is a struct device, whose reference count is the channel's. The
 * driver holds one reference until it destroys the channel, and each client
 * holds one until its file is closed.
 */

#include <linux/err.h>
#include <linux/idr.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/wait_bit.h>

#include "channel.h"
#include "compat.h"
#include "name.h"
#include "notify.h"
#include "version.h"

#define CREATE_TRACE_POINTS
#include "drvbus_trace.h"

#define DRVBUS_MINORS 1024

static dev_t drvbus_devt;
static DEFINE_IDA(drvbus_minors);

/* Channels that have not been destroyed, to check that names are unique. */
static LIST_HEAD(drvbus_channels);
static DEFINE_MUTEX(drvbus_channels_lock);

/* Where the search for a free minor begins. Protected by drvbus_channels_lock. */
static unsigned int drvbus_next_minor;

/* Channels that have not been freed, including destroyed ones with clients. */
static atomic_t drvbus_allocated = ATOMIC_INIT(0);

/*
 * The allocation must not fail: the driver core ignores a failure of this
 * function, and would create the node under another path, or would not delete
 * the node together with the channel.
 */
static char *drvbus_devnode(drvbus_devnode_arg *dev, umode_t *mode)
{
	return kasprintf(GFP_KERNEL | __GFP_NOFAIL, "drvbus/%s", dev_name(dev));
}

static struct class drvbus_class = {
	.name = "drvbus",
	.dev_groups = drvbus_groups,
	.devnode = drvbus_devnode,
};

static void drvbus_channel_free(struct drvbus_channel *channel)
{
	drvbus_ring_free(&channel->ring);
	kfree(channel->event_names);
	kfree(channel->format);
	mutex_destroy(&channel->clients_lock);
	kfree(channel);
	if (atomic_dec_and_test(&drvbus_allocated))
		wake_up_var(&drvbus_allocated);
}

static void drvbus_channel_release(struct device *dev)
{
	struct drvbus_channel *channel = to_drvbus_channel(dev);

	ida_free(&drvbus_minors, MINOR(dev->devt) - MINOR(drvbus_devt));
	drvbus_channel_free(channel);
}

/*
 * device_add() would also reject a duplicate name, but with a stack trace in the
 * kernel log.
 */
static int drvbus_name_claim(struct drvbus_channel *channel)
{
	struct drvbus_channel *other;
	int ret = 0;

	mutex_lock(&drvbus_channels_lock);
	list_for_each_entry(other, &drvbus_channels, list_entry) {
		if (!strcmp(dev_name(&other->dev), dev_name(&channel->dev)))
			ret = -EEXIST;
	}
	if (!ret)
		list_add(&channel->list_entry, &drvbus_channels);
	mutex_unlock(&drvbus_channels_lock);

	return ret;
}

static void drvbus_name_release(struct drvbus_channel *channel)
{
	mutex_lock(&drvbus_channels_lock);
	list_del(&channel->list_entry);
	mutex_unlock(&drvbus_channels_lock);
}

static int drvbus_copy_format(struct drvbus_channel *channel,
			      const char *format)
{
	size_t length;
	size_t i;

	if (!format || !*format)
		return 0;
	length = strnlen(format, DRVBUS_FORMAT_MAX + 1);
	if (length > DRVBUS_FORMAT_MAX)
		return -EINVAL;
	for (i = 0; i < length; i++) {
		bool blank = format[i] == '\t' || format[i] == '\n';

		if (!blank && (!isascii(format[i]) || !isprint(format[i])))
			return -EINVAL;
	}

	channel->format = kmemdup_nul(format, length, GFP_KERNEL);
	return channel->format ? 0 : -ENOMEM;
}

static bool drvbus_event_name_valid(const struct drvbus_event_name *names,
				    unsigned int index)
{
	unsigned int i;

	if (!names[index].name || !drvbus_name_valid(names[index].name))
		return false;
	for (i = 0; i < index; i++) {
		if (names[i].id == names[index].id)
			return false;
	}
	return true;
}

/* Stores the names as the sysfs attribute shows them, in at most one page. */
static int drvbus_copy_event_names(struct drvbus_channel *channel,
				   const struct drvbus_event_name *names,
				   unsigned int count)
{
	size_t used = 0;
	unsigned int i;

	if (!count)
		return 0;
	if (!names)
		return -EINVAL;
	channel->event_names = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!channel->event_names)
		return -ENOMEM;

	for (i = 0; i < count; i++) {
		if (!drvbus_event_name_valid(names, i))
			return -EINVAL;
		used += scnprintf(channel->event_names + used, PAGE_SIZE - used,
				  "%s%u %s", used ? "\n" : "", names[i].id,
				  names[i].name);
		/* event_names_show() appends a newline. */
		if (used > PAGE_SIZE - 2)
			return -EINVAL;
	}
	return 0;
}

/*
 * Takes the minors in turn, so that the minor of a removed channel is not used
 * again soon. A process may have looked up the node of the removed channel, but
 * not have opened it yet. If a new channel had the same minor, the process would
 * open the new channel.
 */
static int drvbus_minor_alloc(void)
{
	int minor;

	mutex_lock(&drvbus_channels_lock);
	minor = ida_alloc_range(&drvbus_minors, drvbus_next_minor,
				DRVBUS_MINORS - 1, GFP_KERNEL);
	if (minor == -ENOSPC)
		minor = ida_alloc_max(&drvbus_minors, DRVBUS_MINORS - 1,
				      GFP_KERNEL);
	if (minor >= 0)
		drvbus_next_minor = (minor + 1) % DRVBUS_MINORS;
	mutex_unlock(&drvbus_channels_lock);

	return minor;
}

/* Allocates a channel and initializes it, except for its device. */
static struct drvbus_channel *
drvbus_channel_alloc(const struct drvbus_channel_config *config)
{
	struct drvbus_channel *channel;
	int ret;

	channel = kzalloc(sizeof(*channel), GFP_KERNEL);
	if (!channel)
		return ERR_PTR(-ENOMEM);

	atomic_inc(&drvbus_allocated);
	init_waitqueue_head(&channel->wait);
	INIT_LIST_HEAD(&channel->clients);
	mutex_init(&channel->clients_lock);
	channel->payload_size = config->payload_size;
	/*
	 * CLOCK_BOOTTIME continues when the module is reloaded, so a later
	 * channel of the same name gets another value. A counter in the module
	 * would start again, and give it the same value.
	 */
	channel->instance = ktime_get_boottime_ns();

	ret = drvbus_copy_format(channel, config->format);
	if (ret)
		goto err_free;
	ret = drvbus_copy_event_names(channel, config->event_names,
				      config->num_event_names);
	if (ret)
		goto err_free;
	ret = drvbus_ring_init(&channel->ring, config->depth,
			       config->payload_size);
	if (ret)
		goto err_free;

	return channel;

err_free:
	drvbus_channel_free(channel);
	return ERR_PTR(ret);
}

/*
 * Makes further calls of drvbus_emit() fail, waits for those that run, and
 * notifies the clients that the channel was removed.
 */
static void drvbus_channel_close(struct drvbus_channel *channel)
{
	drvbus_ring_close(&channel->ring);
	/* Waits for each call of drvbus_emit() that has found the ring open. */
	synchronize_rcu();

	rcu_read_lock();
	drvbus_notify_removal(channel);
	rcu_read_unlock();
}

/**
 * drvbus_channel_create() - Create a channel and its node, /dev/drvbus/NAME
 * @parent: device that reports the events, or NULL
 * @config: properties of the channel; copied
 *
 * Processes can open the node before this function returns.
 *
 * The caller owns the channel and must destroy it with drvbus_channel_destroy()
 * before its module is unloaded. Until then the channel holds a reference to
 * @parent. Open files hold a reference to drvbus.ko, but none to the caller's
 * module.
 *
 * Context: Process context. May sleep. Takes a mutex of drvbus.ko.
 * Return: The channel, or an ERR_PTR(). -EINVAL: a member of @config is outside
 *	   its range. -EEXIST: a channel of this name exists. -ENOSPC: the limit
 *	   of 1024 channels is reached; a removed channel counts until its last
 *	   client is closed. -ENOMEM: not enough memory. Also the errors of
 *	   device_add().
 */
struct drvbus_channel *
drvbus_channel_create(struct device *parent,
		      const struct drvbus_channel_config *config)
{
	struct drvbus_channel *channel;
	int minor;
	int ret;

	if (!config || !config->name || !drvbus_name_valid(config->name))
		return ERR_PTR(-EINVAL);

	channel = drvbus_channel_alloc(config);
	if (IS_ERR(channel))
		return channel;

	minor = drvbus_minor_alloc();
	if (minor < 0) {
		drvbus_channel_free(channel);
		return ERR_PTR(minor);
	}

	device_initialize(&channel->dev);
	channel->dev.class = &drvbus_class;
	channel->dev.parent = parent;
	channel->dev.release = drvbus_channel_release;
	channel->dev.devt = MKDEV(MAJOR(drvbus_devt),
				  MINOR(drvbus_devt) + minor);
	ret = dev_set_name(&channel->dev, "%s", config->name);
	if (ret)
		goto err_put;

	ret = drvbus_name_claim(channel);
	if (ret)
		goto err_put;

	cdev_init(&channel->cdev, config->legacy ? &drvbus_legacy_fops :
						   &drvbus_fops);
	channel->cdev.owner = THIS_MODULE;
	ret = cdev_device_add(&channel->cdev, &channel->dev);
	if (ret)
		goto err_release_name;

	return channel;

err_release_name:
	drvbus_name_release(channel);
	/* A process may have opened the channel by a node made with mknod(). */
	drvbus_channel_close(channel);
err_put:
	put_device(&channel->dev);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(drvbus_channel_create);

/**
 * drvbus_channel_destroy() - Remove a channel and its node
 * @channel: the channel; NULL and ERR_PTR() are ignored
 *
 * Wakes all clients. They can read the events left in the ring, and then get
 * end of file. Waits for calls of drvbus_emit() that run on other CPUs; calls
 * that begin later, but before this function returns, fail with -ENODEV.
 *
 * The caller must not use @channel after this function has returned. It
 * therefore first stops the interrupts, timers and work items that call
 * drvbus_emit(). The channel is freed when its last client is closed.
 *
 * Context: Process context. Sleeps: waits for an RCU grace period. Takes a mutex
 *	    of drvbus.ko.
 */
void drvbus_channel_destroy(struct drvbus_channel *channel)
{
	if (IS_ERR_OR_NULL(channel))
		return;

	drvbus_channel_close(channel);
	cdev_device_del(&channel->cdev, &channel->dev);
	drvbus_name_release(channel);
	put_device(&channel->dev);
}
EXPORT_SYMBOL_GPL(drvbus_channel_destroy);

static void drvbus_devm_destroy(void *channel)
{
	drvbus_channel_destroy(channel);
}

/**
 * devm_drvbus_channel_create() - Create a device-managed channel
 * @parent: device that reports the events; its driver owns the channel
 * @config: properties of the channel; copied
 *
 * Like drvbus_channel_create(). The channel is destroyed when the driver is
 * unbound from @parent; devm actions run in reverse order. Register interrupts,
 * timers and work items that emit events after the channel, so that they stop
 * before the channel is destroyed. The caller must not destroy the channel.
 *
 * Context: Process context. May sleep. As for drvbus_channel_create().
 * Return: The channel, or an ERR_PTR(). -EINVAL: @parent is NULL. Otherwise as
 *	   for drvbus_channel_create().
 */
struct drvbus_channel *
devm_drvbus_channel_create(struct device *parent,
			   const struct drvbus_channel_config *config)
{
	struct drvbus_channel *channel;
	int ret;

	if (!parent)
		return ERR_PTR(-EINVAL);
	channel = drvbus_channel_create(parent, config);
	if (IS_ERR(channel))
		return channel;

	ret = devm_add_action_or_reset(parent, drvbus_devm_destroy, channel);
	if (ret)
		return ERR_PTR(ret);

	return channel;
}
EXPORT_SYMBOL_GPL(devm_drvbus_channel_create);

/**
 * drvbus_emit() - Write an event to a channel and notify its clients
 * @channel: the channel; must not have been destroyed
 * @id: kind of event; the driver defines the numbers
 * @flags: 0 or DRVBUS_EVENT_URGENT
 * @payload: payload of the event, copied; may be NULL if @length is 0
 * @length: size of @payload in bytes, at most the channel's payload size
 *
 * If the ring is full, the event overwrites the oldest one. Concurrent calls are
 * serialized; each event gets the next sequence and a time stamp of
 * CLOCK_MONOTONIC. The event can be read before the clients are notified.
 *
 * Context: Any context except NMI. The caller may hold any lock under which a
 *	    task may be woken. Does not sleep, except on PREEMPT_RT: there,
 *	    waking a task takes sleeping locks, so the function must not be
 *	    called in hard interrupt context or with a raw spinlock held. If a
 *	    client has called F_SETSIG, the function allocates memory with
 *	    GFP_ATOMIC; if the allocation fails, the client gets SIGIO instead.
 * Return: 0 on success. -EMSGSIZE: the payload is too large. -ENODEV: @channel
 *	   is NULL, an ERR_PTR(), or being destroyed. -EINVAL: unknown bits in
 *	   @flags, or @payload is NULL and @length is not 0.
 */
int drvbus_emit(struct drvbus_channel *channel, u32 id, u32 flags,
		const void *payload, size_t length)
{
	struct drvbus_event event = {
		.id = id,
		.flags = flags,
		.length = length,
		.payload = payload,
	};
	u64 sequence;
	int ret;

	if (IS_ERR_OR_NULL(channel))
		return -ENODEV;
	if ((flags & ~DRVBUS_EVENT_URGENT) || (length && !payload))
		return -EINVAL;
	if (length > channel->payload_size)
		return -EMSGSIZE;

	/* drvbus_channel_destroy() waits for the end of this section. */
	rcu_read_lock();
	ret = drvbus_ring_push(&channel->ring, &event, &sequence);
	if (!ret) {
		trace_drvbus_emit(dev_name(&channel->dev), sequence, &event);
		drvbus_notify_event(channel, sequence, flags);
	}
	rcu_read_unlock();

	return ret;
}
EXPORT_SYMBOL_GPL(drvbus_emit);

static int __init drvbus_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&drvbus_devt, 0, DRVBUS_MINORS, "drvbus");
	if (ret)
		return ret;

	ret = class_register(&drvbus_class);
	if (ret)
		unregister_chrdev_region(drvbus_devt, DRVBUS_MINORS);

	return ret;
}

static void __exit drvbus_exit(void)
{
	/* The driver core may free a device after its last reference was put. */
	wait_var_event(&drvbus_allocated, !atomic_read(&drvbus_allocated));
	class_unregister(&drvbus_class);
	unregister_chrdev_region(drvbus_devt, DRVBUS_MINORS);
	/* RCU callbacks that put eventfds may be pending: their code is here. */
	rcu_barrier();
	ida_destroy(&drvbus_minors);
}

module_init(drvbus_init);
module_exit(drvbus_exit);

MODULE_AUTHOR("The drvbus authors");
MODULE_DESCRIPTION("Channels that carry events from drivers to processes");
MODULE_VERSION(DRVBUS_VERSION);
MODULE_LICENSE("GPL");
