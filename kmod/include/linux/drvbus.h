/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drvbus: the interface for drivers that emit events.
 *
 * A driver creates a channel, emits events into it, and destroys it. Processes
 * read the events from the channel's device node, see <uapi/linux/drvbus.h>.
 */
#ifndef _LINUX_DRVBUS_H
#define _LINUX_DRVBUS_H

#include <linux/types.h>
#include <uapi/linux/drvbus.h>

struct device;
struct drvbus_channel;

/**
 * struct drvbus_event_name - name of an event id
 * @id: the id, as passed to drvbus_emit()
 * @name: the name, [A-Za-z0-9_-]{1,31}. Subscribers on D-Bus filter on it, as
 *	  argument 0 of the signal.
 */
struct drvbus_event_name {
	u32 id;
	const char *name;
};

/**
 * struct drvbus_channel_config - properties of a new channel
 * @name: name of the channel, [A-Za-z0-9_-]{1,31}. It must be unique on the
 *	  system; the device node and the D-Bus object are named after it.
 * @depth: number of events that the ring stores, 1 to DRVBUS_DEPTH_MAX. If the
 *	   ring is full, a new event overwrites the oldest one.
 * @payload_size: maximum payload of one event in bytes, 0 to DRVBUS_PAYLOAD_MAX
 * @format: description of the payload's fields, see docs/formats.md, or NULL if
 *	    the payload is opaque. At most DRVBUS_FORMAT_MAX bytes of printable
 *	    ASCII, tabs and newlines.
 * @event_names: names of event ids, or NULL. An id must not occur twice.
 *		 Written as lines of "ID NAME", all names must fit into a page.
 * @num_event_names: number of entries in @event_names
 * @legacy: create a device node that supports read() and O_ASYNC, but neither
 *	    poll(), lseek() nor ioctl(). Many older drivers have such nodes; with
 *	    this setting, drvbus_sim simulates them in tests.
 *
 * drvbus_channel_create() copies all of it; the caller may free it afterwards.
 * The ring occupies @depth * (32 + @payload_size, rounded up to a multiple of 8)
 * bytes, which must not exceed 64 MiB.
 */
struct drvbus_channel_config {
	const char *name;
	u32 depth;
	u32 payload_size;
	const char *format;
	const struct drvbus_event_name *event_names;
	unsigned int num_event_names;
	bool legacy;
};

struct drvbus_channel *
drvbus_channel_create(struct device *parent,
		      const struct drvbus_channel_config *config);
struct drvbus_channel *
devm_drvbus_channel_create(struct device *parent,
			   const struct drvbus_channel_config *config);
void drvbus_channel_destroy(struct drvbus_channel *channel);

int drvbus_emit(struct drvbus_channel *channel, u32 id, u32 flags,
		const void *payload, size_t length);

#endif /* _LINUX_DRVBUS_H */
