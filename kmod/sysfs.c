// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of a channel in /sys/class/drvbus/NAME/.
 */

#include <linux/sysfs.h>

#include "channel.h"

/* Shows an optional string. If it is NULL, the file is empty. */
static ssize_t show_string(char *buf, const char *string)
{
	return string ? sysfs_emit(buf, "%s\n", string) : 0;
}

static ssize_t depth_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%u\n", to_drvbus_channel(dev)->ring.depth);
}
static DEVICE_ATTR_RO(depth);

static ssize_t payload_size_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_drvbus_channel(dev)->payload_size);
}
static DEVICE_ATTR_RO(payload_size);

static ssize_t format_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return show_string(buf, to_drvbus_channel(dev)->format);
}
static DEVICE_ATTR_RO(format);

static ssize_t event_names_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	return show_string(buf, to_drvbus_channel(dev)->event_names);
}
static DEVICE_ATTR_RO(event_names);

static ssize_t events_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct drvbus_ring_state state =
		drvbus_ring_state(&to_drvbus_channel(dev)->ring);

	return sysfs_emit(buf, "%llu\n", state.next - 1);
}
static DEVICE_ATTR_RO(events);

static ssize_t overwritten_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	struct drvbus_ring_state state =
		drvbus_ring_state(&to_drvbus_channel(dev)->ring);

	return sysfs_emit(buf, "%llu\n", state.overwritten);
}
static DEVICE_ATTR_RO(overwritten);

/* The name is part of the interface. Readers are the clients of the channel. */
static ssize_t readers_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct drvbus_channel *channel = to_drvbus_channel(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(channel->num_clients));
}
static DEVICE_ATTR_RO(readers);

static struct attribute *drvbus_attrs[] = {
	&dev_attr_depth.attr,
	&dev_attr_payload_size.attr,
	&dev_attr_format.attr,
	&dev_attr_event_names.attr,
	&dev_attr_events.attr,
	&dev_attr_overwritten.attr,
	&dev_attr_readers.attr,
	NULL
};

static const struct attribute_group drvbus_group = {
	.attrs = drvbus_attrs,
};

const struct attribute_group *drvbus_groups[] = {
	&drvbus_group,
	NULL
};
