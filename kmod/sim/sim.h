/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Simulated channels, as the source files of drvbus_sim.ko share them.
 */
#ifndef DRVBUS_SIM_H
#define DRVBUS_SIM_H

#include <linux/configfs.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct drvbus_channel;
struct drvbus_event_name;

/* Maximum rate, in events per second. */
#define SIM_RATE_MAX	1000000

/* Maximum number of events in one burst. */
#define SIM_BURST_MAX	10000000

/**
 * struct sim_generator - emits numbered events, at a rate or in bursts
 * @timer: runs while @rate is not 0 and a channel is attached
 * @rate: events per second; 0: stopped
 * @ticks_per_second: timer interrupts per second
 * @due_scaled: number of events to emit, multiplied by @ticks_per_second. Between
 *		two ticks, it is the fraction of an event that was not emitted.
 * @interval: time between two ticks
 * @id: id of the events; may change at any time
 * @lock: protects @payload and @count, and keeps the numbers in the order of the
 *	  sequences
 * @channel: the channel; NULL: none is attached
 * @payload: payload of the event being emitted
 * @payload_size: size of @payload in bytes
 * @count: number of the last event
 *
 * The caller serializes all functions of a generator.
 */
struct sim_generator {
	struct hrtimer timer;
	u32 rate;
	u32 ticks_per_second;
	u64 due_scaled;
	ktime_t interval;
	u32 id;

	spinlock_t lock;	/* payload, count */
	struct drvbus_channel *channel;
	u8 *payload;
	u32 payload_size;
	u32 count;
};

/**
 * struct sim_event - an event as written to the attribute "emit"
 * @id: id of the event
 * @flags: 0 or DRVBUS_EVENT_URGENT
 * @payload: allocated; to be freed with kfree()
 * @length: size of @payload in bytes
 */
struct sim_event {
	u32 id;
	u32 flags;
	u8 *payload;
	size_t length;
};

/**
 * struct sim_channel - a directory in configfs, which stands for a channel
 * @item: the directory; its reference count is that of this structure
 * @lock: serializes changes of all members below
 * @generator: emits events into @channel
 * @channel: the channel; NULL: the attribute live is 0
 * @depth: setting for the next channel
 * @payload_size: setting for the next channel
 * @legacy: setting for the next channel, which then has a node that supports
 *	    neither poll(), lseek() nor ioctl()
 * @format: setting for the next channel; NULL or empty: none
 * @event_names: lines of "ID NAME"; NULL or empty: none
 */
struct sim_channel {
	struct config_item item;
	struct mutex lock;	/* all below */
	struct sim_generator generator;
	struct drvbus_channel *channel;

	u32 depth;
	u32 payload_size;
	bool legacy;
	char *format;
	char *event_names;
};

static inline struct sim_channel *to_sim_channel(struct config_item *item)
{
	return container_of(item, struct sim_channel, item);
}

extern struct configfs_attribute *sim_attrs[];

int sim_enable(struct sim_channel *sim);
void sim_disable(struct sim_channel *sim);

char *sim_copy_string(const char *page, size_t count);
int sim_parse_u32(const char *text, u32 limit, u32 *value);
int sim_parse_event_names(char *text, struct drvbus_event_name **names);
char *sim_parse_event_name_lines(char *text);
int sim_parse_event(char *text, struct sim_event *event);

void sim_generator_init(struct sim_generator *generator);
int sim_generator_attach(struct sim_generator *generator,
			 struct drvbus_channel *channel, u32 payload_size);
void sim_generator_detach(struct sim_generator *generator);
void sim_generator_set_rate(struct sim_generator *generator, u32 rate);
int sim_generator_burst(struct sim_generator *generator, u32 count);

#endif /* DRVBUS_SIM_H */
