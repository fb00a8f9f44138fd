/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Channels and their clients, as the source files of drvbus.ko share them.
 */
#ifndef DRVBUS_CHANNEL_H
#define DRVBUS_CHANNEL_H

#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/drvbus.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/wait.h>

#include "ring.h"

struct drvbus_eventfd;

/**
 * struct drvbus_channel - one stream of events
 * @dev: device of class drvbus; its reference count is the channel's
 * @cdev: character device of the node
 * @list_entry: entry in the list of channels, protected by drvbus_channels_lock
 * @ring: the newest events
 * @payload_size: maximum payload of an event, in bytes
 * @instance: CLOCK_BOOTTIME at creation, in nanoseconds
 * @format: description of the payload; NULL: opaque
 * @event_names: lines of "ID NAME"; NULL: no names
 * @wait: clients that wait in read() or poll()
 * @fasync: clients that have set O_ASYNC
 * @clients: list of clients; readable under RCU
 * @clients_lock: serializes changes of @clients and @num_clients
 * @num_clients: number of entries of @clients; readable without a lock
 *
 * Members without a lock of their own do not change after creation.
 */
struct drvbus_channel {
	struct device dev;
	struct cdev cdev;
	struct list_head list_entry;
	struct drvbus_ring ring;
	u32 payload_size;
	u64 instance;
	char *format;
	char *event_names;

	wait_queue_head_t wait;
	struct fasync_struct *fasync;
	struct list_head clients;
	struct mutex clients_lock;	/* clients, num_clients */
	unsigned int num_clients;
};

/**
 * struct drvbus_client - one open file of a channel's node
 * @rcu: frees the client after calls of drvbus_emit() that may still use it
 * @list_entry: entry in the channel's list of clients
 * @channel: the channel; the client holds a reference to it
 * @eventfd: registered eventfd, or NULL. Changed with both @lock and the ring's
 *	     lock held; readable under RCU.
 * @lock: protects @buffer and serializes changes of @eventfd and @position
 * @position: sequence of the next event to read; readable without a lock
 * @buffer_size: size of @buffer in bytes; constant
 * @buffer: copy of the records that read() returns, because user memory cannot be
 *	    written with the ring's lock held
 */
struct drvbus_client {
	struct rcu_head rcu;
	struct list_head list_entry;
	struct drvbus_channel *channel;
	struct drvbus_eventfd __rcu *eventfd;

	struct mutex lock;		/* eventfd, position, buffer */
	atomic64_t position;
	size_t buffer_size;
	void *buffer;
};

#define to_drvbus_channel(device) \
	container_of(device, struct drvbus_channel, dev)

extern const struct file_operations drvbus_fops;
extern const struct file_operations drvbus_legacy_fops;
extern const struct attribute_group *drvbus_groups[];

#endif /* DRVBUS_CHANNEL_H */
