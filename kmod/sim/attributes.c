// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of a simulated channel in configfs:
 *
 * depth, payload_size, format, event_names, legacy (read and write)
 *	Members of struct drvbus_channel_config. They cannot be changed while the
 *	channel exists (EBUSY). event_names has entries of "ID NAME", one per
 *	line or separated by commas. legacy is 0 or 1.
 * live (read and write)
 *	1 creates the channel, 0 destroys it.
 * emit (write)
 *	"ID [urgent] [HEXBYTES]" emits one event.
 * rate (read and write)
 *	Events per second that the generator emits, at most SIM_RATE_MAX; 0 stops
 *	it.
 * burst (write)
 *	Emits that many events of the generator at once, at most SIM_BURST_MAX.
 * generator_id (read and write)
 *	Id of the generator's events. Their payload begins with their number, a
 *	u32 in native byte order that starts at 1 when the channel is created.
 *
 * Writing an invalid value fails with EINVAL. Emitting an event while the
 * channel does not exist fails with ENODEV.
 */

#include <linux/configfs.h>
#include <linux/drvbus.h>
#include <linux/err.h>
#include <linux/kstrtox.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "sim.h"

/* Changes a numeric setting, unless the channel exists. */
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

/*
 * Changes a string setting, unless the channel exists. Takes ownership of @text
 * even if it fails.
 */
static int sim_set_string(struct sim_channel *sim, char **setting, char *text)
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

static ssize_t sim_show_string(struct sim_channel *sim, char **setting,
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

	return sim_show_string(sim, &sim->format, page);
}

static ssize_t sim_format_store(struct config_item *item, const char *page,
				size_t count)
{
	struct sim_channel *sim = to_sim_channel(item);
	char *text = sim_copy_string(page, count);
	int ret;

	if (IS_ERR(text))
		return PTR_ERR(text);
	if (strlen(text) > DRVBUS_FORMAT_MAX) {
		kfree(text);
		return -EINVAL;
	}
	ret = sim_set_string(sim, &sim->format, text);

	return ret ?: count;
}
CONFIGFS_ATTR(sim_, format);

static ssize_t sim_event_names_show(struct config_item *item, char *page)
{
	struct sim_channel *sim = to_sim_channel(item);

	return sim_show_string(sim, &sim->event_names, page);
}

static ssize_t sim_event_names_store(struct config_item *item, const char *page,
				     size_t count)
{
	struct sim_channel *sim = to_sim_channel(item);
	char *text = sim_copy_string(page, count);
	char *lines;
	int ret;

	if (IS_ERR(text))
		return PTR_ERR(text);
	lines = sim_parse_event_name_lines(text);
	kfree(text);
	if (IS_ERR(lines))
		return PTR_ERR(lines);
	ret = sim_set_string(sim, &sim->event_names, lines);

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
	char *text = sim_copy_string(page, count);
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

struct configfs_attribute *sim_attrs[] = {
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
