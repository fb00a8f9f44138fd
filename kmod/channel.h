/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of drvbus.ko share.
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

/*
 * The device's reference count is the channel's: the driver has one until it
 * destroys the channel, each client has one while its file is open.
 */
struct drvbus_channel {
	struct device dev;
	struct cdev cdev;
	struct list_head node;		/* of all channels */
	struct drvbus_ring ring;
	u32 payload_size;
	u64 instance;			/* CLOCK_BOOTTIME of its creation */
	char *format;			/* NULL: none */
	char *event_names;		/* lines of "ID NAME"; NULL: none */

	wait_queue_head_t wait;
	struct fasync_struct *fasync;
	struct list_head clients;	/* walked under RCU */
	struct mutex clients_lock;	/* to change the list */
	unsigned int num_clients;
};

struct drvbus_eventfd;

struct drvbus_client {
	struct rcu_head rcu;
	struct list_head node;		/* in the channel's clients */
	struct drvbus_channel *channel;
	struct drvbus_eventfd __rcu *eventfd;

	struct mutex lock;		/* batch, changes of the two below */
	atomic64_t position;		/* sequence of the next event to read */
	size_t batch_size;
	void *batch;
};

#define to_drvbus_channel(device) \
	container_of(device, struct drvbus_channel, dev)

extern const struct file_operations drvbus_fops;
extern const struct file_operations drvbus_legacy_fops;
extern const struct attribute_group *drvbus_groups[];

#endif /* DRVBUS_CHANNEL_H */
