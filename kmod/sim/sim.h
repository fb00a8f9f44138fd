/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DRVBUS_SIM_H
#define DRVBUS_SIM_H

#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct drvbus_channel;
struct drvbus_event_name;

/* Events per second that may be asked for. */
#define SIM_RATE_MAX	1000000

/* Events in one burst. */
#define SIM_BURST_MAX	10000000

/* Makes numbered events for a live channel: at a rate, or many at once. */
struct sim_generator {
	struct hrtimer timer;
	u32 rate;		/* events per second; 0: stopped */
	u32 ticks;		/* timer interrupts per second */
	u64 due;		/* events due, times ticks */
	ktime_t interval;
	u32 id;

	/* Keeps the counter in the order of the sequence. */
	spinlock_t lock;
	struct drvbus_channel *channel;
	u8 *payload;
	u32 payload_size;
	u32 count;
};

/* An event as written to "emit". */
struct sim_event {
	u32 id;
	u32 flags;
	u8 *payload;
	size_t length;
};

char *sim_parse_text(const char *page, size_t count);
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
