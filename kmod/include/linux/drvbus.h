/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drvbus: what a driver calls to put its events on the bus.
 */
#ifndef _LINUX_DRVBUS_H
#define _LINUX_DRVBUS_H

#include <linux/types.h>
#include <uapi/linux/drvbus.h>

struct device;
struct drvbus_channel;

/**
 * struct drvbus_event_name - gives an event id a name
 * @id: the id as passed to drvbus_emit()
 * @name: [A-Za-z0-9_-]{1,31}; subscribers filter on it (D-Bus match arg0)
 */
struct drvbus_event_name {
	u32 id;
	const char *name;
};

/**
 * struct drvbus_channel_config - what a channel is to be
 * @name: [A-Za-z0-9_-]{1,31}, unique on the machine; node and bus object are
 *	  named by it
 * @depth: events the ring holds, 1 to DRVBUS_DEPTH_MAX
 * @payload_size: largest payload of one event in bytes, 0 to DRVBUS_PAYLOAD_MAX
 * @format: how payload bytes become named values (see docs/formats.md), or NULL
 *	    for bytes without meaning; at most DRVBUS_FORMAT_MAX bytes of
 *	    printable ASCII, tabs and newlines
 * @event_names: names for ids, or NULL; each id once, and as lines of "ID NAME"
 *		 no more than a page
 * @num_event_names: entries in @event_names
 * @legacy: make the node an old-style one that offers read() and .fasync alone
 *	    (for drvbus_sim and tests)
 *
 * Everything is copied; nothing needs to outlive drvbus_channel_create(). The
 * ring takes @depth times (32 bytes and @payload_size, rounded up to 8), at most
 * 64 MiB.
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
