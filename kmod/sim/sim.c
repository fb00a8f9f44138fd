// SPDX-License-Identifier: GPL-2.0-only
/*
 * drvbus_sim: simulated channels, for tests and for the development of programs
 * without hardware.
 *
 * Each directory in /sys/kernel/config/drvbus_sim/ stands for a channel of the
 * same name. Its attributes, by access:
 *
 * depth, payload_size, format, event_names, legacy (read and write)
 *	Members of struct drvbus_channel_config. They cannot be changed while the
 *	channel is live (EBUSY). event_names has entries of "ID NAME", one per
 *	line or separated by commas.
 * live (read and write)
 *	1 creates the channel, 0 destroys it.
 * emit (write)
 *	"ID [urgent] [HEXBYTES]" emits one event.
 * rate (read and write)
 *	Events per second that the generator emits; 0 stops it.
 * burst (write)
 *	Emits that many events of the generator at once.
 * generator_id (read and write)
 *	Id of the generator's events. Their payload begins with their number, an
 *	u32 in native byte order that starts at 1 when the channel is created.
 *
 * An invalid value fails with EINVAL, an event for a channel that is not live
 * with ENODEV.
 */

#include <linux/configfs.h>
#include <linux/device.h>
#include <linux/drvbus.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "../name.h"
#include "../version.h"
#include "sim.h"

static struct device *sim_root;

/**
 * struct sim_channel - a directory of drvbus_sim
 * @item: the directory; its reference count is that of this structure
 * @lock: protects all members below
 * @generator: emits events into @channel
 * @channel: the channel; NULL: not live
 * @depth: setting for the next channel
 * @payload_size: setting for the next channel
 * @legacy: setting for the next channel
 * @format: setting for the next channel; NULL or empty: none
 * @event_names: lines of "ID NAME"; NULL or empty: none
 */
struct sim_channel {
	struct config_item item;
	struct mutex lock;
	struct sim_generator generator;
	struct drvbus_channel *channel;

	u32 depth;
	u32 payload_size;
	bool legacy;
	char *format;
	char *event_names;
};

static struct sim_channel *to_sim_channel(struct config_item *item)
{
	return container_of(item, struct sim_channel, item);
}

static struct drvbus_channel *
sim_create_channel(struct sim_channel *sim, char *names_text)
{
	struct drvbus_channel_config config = {
		.name = config_item_name(&sim->item),
		.depth = sim->depth,
		.payload_size = sim->payload_size,
		.format = sim->format,
		.legacy = sim->legacy,
	};
	struct drvbus_event_name *names;
	struct drvbus_channel *channel;
	int count;

	count = sim_parse_event_names(names_text, &names);
	if (count < 0)
		return ERR_PTR(count);
	config.event_names = names;
	config.num_event_names = count;
	channel = drvbus_channel_create(sim_root, &config);
	kfree(names);

	return channel;
}

static int sim_enable(struct sim_channel *sim)
{
	struct drvbus_channel *channel;
	char *names_text;
	int ret;

	if (sim->channel)
		return 0;

	names_text = kstrdup(sim->event_names ?: "", GFP_KERNEL);
	if (!names_text)
		return -ENOMEM;
	channel = sim_create_channel(sim, names_text);
	kfree(names_text);
	if (IS_ERR(channel))
		return PTR_ERR(channel);

	ret = sim_generator_attach(&sim->generator, channel, sim->payload_size);
	if (ret) {
		drvbus_channel_destroy(channel);
		return ret;
	}
	sim->channel = channel;

	return 0;
}

static void sim_disable(struct sim_channel *sim)
{
	if (!sim->channel)
		return;
	sim_generator_detach(&sim->generator);
	drvbus_channel_destroy(sim->channel);
	sim->channel = NULL;
}

/* Changes a numeric setting, unless the channel is live. */
static ssize_t sim_set_u32(struct sim_channel *sim, u32 *setting, u32 limit,
			   const char *page, size_t count)
{
	int ret = -EBUSY;

	mutex_lock(&sim->lock);
	if (!sim->channel)
		ret = sim_parse_u32(page, limit, setting);
	mutex_unlock(&sim->lock);

	return ret ?: count;
}

/* Changes a text setting, unless the channel is live. Always consumes @text. */
static int sim_set_text(struct sim_channel *sim, char **setting, char *text)
{
	int ret = -EBUSY;

	mutex_lock(&sim->lock);
	if (!sim->channel) {
		swap(*setting, text);
		ret = 0;
	}
	mutex_unlock(&sim->lock);
	kfree(text);

	return ret;
}

static ssize_t sim_show_text(struct sim_channel *sim, char **setting,
			     char *page)
{
	ssize_t length = 0;

	mutex_lock(&sim->lock);
	if (*setting && **setting)
		length = sysfs_emit(page, "%s\n", *setting);
	mutex_unlock(&sim->lock);

	return length;
}

static ssize_t sim_depth_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", to_sim_channel(item)->depth);
}

static ssize_t sim_depth_store(struct config_item *item, const char *page,
			       size_t count)
{
	struct sim_channel *sim = to_sim_channel(item);

	return sim_set_u32(sim, &sim->depth, DRVBUS_DEPTH_MAX, page, count);
}
CONFIGFS_ATTR(sim_, depth);

static ssize_t sim_payload_size_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", to_sim_channel(item)->payload_size);
}

static ssize_t sim_payload_size_store(struct config_item *item,
				      const char *page, size_t count)
{
	struct sim_channel *sim = to_sim_channel(item);

	return sim_set_u32(sim, &sim->payload_size, DRVBUS_PAYLOAD_MAX, page,
			   count);
}
CONFIGFS_ATTR(sim_, payload_size);

static ssize_t sim_legacy_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", to_sim_channel(item)->legacy);
}

static ssize_t sim_legacy_store(struct config_item *item, const char *page,
				size_t count)
{
	struct sim_channel *sim = to_sim_channel(item);
	int ret = -EBUSY;

	mutex_lock(&sim->lock);
	if (!sim->channel)
		ret = kstrtobool(page, &sim->legacy);
	mutex_unlock(&sim->lock);

	return ret ?: count;
}
CONFIGFS_ATTR(sim_, legacy);

static ssize_t sim_format_show(struct config_item *item, char *page)
{
	struct sim_channel *sim = to_sim_channel(item);

	return sim_show_text(sim, &sim->format, page);
}

static ssize_t sim_format_store(struct config_item *item, const char *page,
				size_t count)
{
	struct sim_channel *sim = to_sim_channel(item);
	char *text = sim_parse_text(page, count);
	int ret;

	if (IS_ERR(text))
		return PTR_ERR(text);
	if (strlen(text) > DRVBUS_FORMAT_MAX) {
		kfree(text);
		return -EINVAL;
	}
	ret = sim_set_text(sim, &sim->format, text);

	return ret ?: count;
}
CONFIGFS_ATTR(sim_, format);

static ssize_t sim_event_names_show(struct config_item *item, char *page)
{
	struct sim_channel *sim = to_sim_channel(item);

	return sim_show_text(sim, &sim->event_names, page);
}

static ssize_t sim_event_names_store(struct config_item *item, const char *page,
				     size_t count)
{
	struct sim_channel *sim = to_sim_channel(item);
	char *text = sim_parse_text(page, count);
	char *lines;
	int ret;

	if (IS_ERR(text))
		return PTR_ERR(text);
	lines = sim_parse_event_name_lines(text);
	kfree(text);
	if (IS_ERR(lines))
		return PTR_ERR(lines);
	ret = sim_set_text(sim, &sim->event_names, lines);

	return ret ?: count;
}
CONFIGFS_ATTR(sim_, event_names);

static ssize_t sim_live_show(struct config_item *item, char *page)
{
	struct sim_channel *sim = to_sim_channel(item);

	return sysfs_emit(page, "%d\n", !!READ_ONCE(sim->channel));
}

static ssize_t sim_live_store(struct config_item *item, const char *page,
			      size_t count)
{
	struct sim_channel *sim = to_sim_channel(item);
	bool live;
	int ret;

	ret = kstrtobool(page, &live);
	if (ret)
		return ret;

	mutex_lock(&sim->lock);
	if (live)
		ret = sim_enable(sim);
	else
		sim_disable(sim);
	mutex_unlock(&sim->lock);

	return ret ?: count;
}
CONFIGFS_ATTR(sim_, live);

static ssize_t sim_emit_store(struct config_item *item, const char *page,
			      size_t count)
{
	struct sim_channel *sim = to_sim_channel(item);
	char *text = sim_parse_text(page, count);
	struct sim_event event;
	int ret;

	if (IS_ERR(text))
		return PTR_ERR(text);
	ret = sim_parse_event(text, &event);
	kfree(text);
	if (ret)
		return ret;

	mutex_lock(&sim->lock);
	ret = drvbus_emit(sim->channel, event.id, event.flags, event.payload,
			  event.length);
	mutex_unlock(&sim->lock);
	kfree(event.payload);

	return ret ?: count;
}
CONFIGFS_ATTR_WO(sim_, emit);

static ssize_t sim_rate_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", to_sim_channel(item)->generator.rate);
}

static ssize_t sim_rate_store(struct config_item *item, const char *page,
			      size_t count)
{
	struct sim_channel *sim = to_sim_channel(item);
	u32 rate;
	int ret;

	ret = sim_parse_u32(page, SIM_RATE_MAX, &rate);
	if (ret)
		return ret;

	mutex_lock(&sim->lock);
	sim_generator_set_rate(&sim->generator, rate);
	mutex_unlock(&sim->lock);

	return count;
}
CONFIGFS_ATTR(sim_, rate);

static ssize_t sim_burst_store(struct config_item *item, const char *page,
			       size_t count)
{
	struct sim_channel *sim = to_sim_channel(item);
	u32 events;
	int ret;

	ret = sim_parse_u32(page, SIM_BURST_MAX, &events);
	if (ret)
		return ret;

	mutex_lock(&sim->lock);
	if (sim->channel)
		ret = sim_generator_burst(&sim->generator, events);
	else
		ret = -ENODEV;
	mutex_unlock(&sim->lock);

	return ret ?: count;
}
CONFIGFS_ATTR_WO(sim_, burst);

static ssize_t sim_generator_id_show(struct config_item *item, char *page)
{
	struct sim_channel *sim = to_sim_channel(item);

	return sysfs_emit(page, "%u\n", READ_ONCE(sim->generator.id));
}

static ssize_t sim_generator_id_store(struct config_item *item,
				      const char *page, size_t count)
{
	struct sim_channel *sim = to_sim_channel(item);
	u32 id;
	int ret;

	ret = sim_parse_u32(page, U32_MAX, &id);
	if (ret)
		return ret;
	WRITE_ONCE(sim->generator.id, id);

	return count;
}
CONFIGFS_ATTR(sim_, generator_id);

static struct configfs_attribute *sim_attrs[] = {
	&sim_attr_depth,
	&sim_attr_payload_size,
	&sim_attr_format,
	&sim_attr_event_names,
	&sim_attr_legacy,
	&sim_attr_live,
	&sim_attr_emit,
	&sim_attr_rate,
	&sim_attr_burst,
	&sim_attr_generator_id,
	NULL
};

static void sim_release(struct config_item *item)
{
	struct sim_channel *sim = to_sim_channel(item);

	kfree(sim->event_names);
	kfree(sim->format);
	mutex_destroy(&sim->lock);
	kfree(sim);
}

static struct configfs_item_operations sim_item_ops = {
	.release = sim_release,
};

static const struct config_item_type sim_item_type = {
	.ct_item_ops = &sim_item_ops,
	.ct_attrs = sim_attrs,
	.ct_owner = THIS_MODULE,
};

static struct config_item *sim_make_item(struct config_group *group,
					 const char *name)
{
	struct sim_channel *sim;

	if (!drvbus_name_valid(name))
		return ERR_PTR(-EINVAL);
	sim = kzalloc(sizeof(*sim), GFP_KERNEL);
	if (!sim)
		return ERR_PTR(-ENOMEM);

	mutex_init(&sim->lock);
	sim_generator_init(&sim->generator);
	sim->depth = 1024;
	sim->payload_size = 64;
	config_item_init_type_name(&sim->item, name, &sim_item_type);

	return &sim->item;
}

static void sim_drop_item(struct config_group *group, struct config_item *item)
{
	struct sim_channel *sim = to_sim_channel(item);

	mutex_lock(&sim->lock);
	sim_disable(sim);
	mutex_unlock(&sim->lock);
	config_item_put(item);
}

static struct configfs_group_operations sim_group_ops = {
	.make_item = sim_make_item,
	.drop_item = sim_drop_item,
};

static const struct config_item_type sim_group_type = {
	.ct_group_ops = &sim_group_ops,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem sim_subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "drvbus_sim",
			.ci_type = &sim_group_type,
		},
	},
};

static int __init sim_init(void)
{
	int ret;

	sim_root = root_device_register("drvbus_sim");
	if (IS_ERR(sim_root))
		return PTR_ERR(sim_root);

	config_group_init(&sim_subsystem.su_group);
	mutex_init(&sim_subsystem.su_mutex);
	ret = configfs_register_subsystem(&sim_subsystem);
	if (ret)
		root_device_unregister(sim_root);

	return ret;
}

/* configfs holds a reference to the module for each directory: none exists here. */
static void __exit sim_exit(void)
{
	configfs_unregister_subsystem(&sim_subsystem);
	root_device_unregister(sim_root);
}

module_init(sim_init);
module_exit(sim_exit);

MODULE_AUTHOR("The drvbus authors");
MODULE_DESCRIPTION("Simulated drvbus channels, configured through configfs");
MODULE_VERSION(DRVBUS_VERSION);
MODULE_LICENSE("GPL");
