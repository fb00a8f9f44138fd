// SPDX-License-Identifier: GPL-2.0-only
/*
 * drvbus_sim: simulated channels, for tests and for the development of programs
 * without hardware.
 *
 * Each directory in /sys/kernel/config/drvbus_sim/ stands for a channel of the
 * same name, see attributes.c.
 */

#include <linux/configfs.h>
#include <linux/device.h>
#include <linux/drvbus.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../name.h"
#include "../version.h"
#include "sim.h"

static struct device *sim_root;

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

/**
 * sim_enable() - Create the channel and start its generator
 * @sim: the directory; does nothing if it has a channel
 *
 * Context: Process context. May sleep. The caller holds the lock of @sim.
 * Return: 0 on success. -EINVAL: invalid settings. Otherwise as for
 *	   drvbus_channel_create().
 */
int sim_enable(struct sim_channel *sim)
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

/**
 * sim_disable() - Stop the generator and destroy the channel
 * @sim: the directory; does nothing if it has no channel
 *
 * Context: Process context. May sleep. The caller holds the lock of @sim.
 */
void sim_disable(struct sim_channel *sim)
{
	if (!sim->channel)
		return;
	sim_generator_detach(&sim->generator);
	drvbus_channel_destroy(sim->channel);
	sim->channel = NULL;
}

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

/* No directory is left: configfs holds a reference to the module for each. */
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
