/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notification of a channel's clients, as drvbus.ko uses it.
 */
#ifndef DRVBUS_NOTIFY_H
#define DRVBUS_NOTIFY_H

#include <linux/types.h>

struct drvbus_channel;
struct drvbus_client;

void drvbus_notify_event(struct drvbus_channel *channel, u64 sequence,
			 u32 flags);
void drvbus_notify_removal(struct drvbus_channel *channel);

int drvbus_notify_set_eventfd(struct drvbus_client *client, int fd);
void drvbus_notify_release_eventfd(struct drvbus_client *client);

#endif /* DRVBUS_NOTIFY_H */
