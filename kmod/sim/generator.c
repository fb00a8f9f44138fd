// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generator of numbered events for a simulated channel.
 */

#include <linux/drvbus.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "compat.h"
#include "sim.h"

/*
 * Maximum number of timer interrupts per second. If more events per second are
 * to be emitted, each interrupt emits several of them.
 */
#define SIM_TICKS_MAX 10000

static int sim_generate(struct sim_generator *generator)
{
	unsigned long flags;
	u32 count;
	int ret;

	spin_lock_irqsave(&generator->lock, flags);
	count = ++generator->count;
	memcpy(generator->payload, &count,
	       min_t(size_t, sizeof(count), generator->payload_size));
	ret = drvbus_emit(generator->channel, READ_ONCE(generator->id), 0,
			  generator->payload, generator->payload_size);
	spin_unlock_irqrestore(&generator->lock, flags);

	return ret;
}

static enum hrtimer_restart sim_generator_tick(struct hrtimer *timer)
{
	struct sim_generator *generator =
		container_of(timer, struct sim_generator, timer);
	u64 deadline = ktime_get_ns() + ktime_to_ns(generator->interval) / 2;
	u64 elapsed_ticks = hrtimer_forward_now(timer, generator->interval);
	u32 remainder;
	u64 events;

	generator->due_scaled += elapsed_ticks * generator->rate;
	events = div_u64_rem(generator->due_scaled, generator->ticks_per_second,
			     &remainder);
	generator->due_scaled = remainder;

	/*
	 * This loop takes at most half of the time between two ticks, so that
	 * the machine remains usable. If it is too slow for the rate, it emits
	 * fewer events.
	 */
	while (events--) {
		sim_generate(generator);
		if (ktime_get_ns() >= deadline)
			break;
	}
	return HRTIMER_RESTART;
}

static void sim_generator_start(struct sim_generator *generator)
{
	if (!generator->rate)
		return;
	generator->ticks_per_second = min_t(u32, generator->rate, SIM_TICKS_MAX);
	generator->interval = ns_to_ktime(NSEC_PER_SEC / generator->ticks_per_second);
	generator->due_scaled = 0;
	hrtimer_start(&generator->timer, generator->interval, HRTIMER_MODE_REL);
}

/**
 * sim_generator_init() - Initialize a generator, without a channel
 * @generator: the generator, zeroed
 */
void sim_generator_init(struct sim_generator *generator)
{
	sim_hrtimer_setup(&generator->timer, sim_generator_tick);
	spin_lock_init(&generator->lock);
	generator->id = 1;
}

/**
 * sim_generator_attach() - Attach a channel and start the timer
 * @generator: the generator, without a channel
 * @channel: the channel; must exist until sim_generator_detach()
 * @payload_size: size of each event's payload in bytes; the first bytes, up to
 *		  four, are the event's number
 *
 * Numbers start at 1.
 *
 * Context: Process context. May sleep.
 * Return: 0 on success. -ENOMEM: not enough memory.
 */
int sim_generator_attach(struct sim_generator *generator,
			 struct drvbus_channel *channel, u32 payload_size)
{
	generator->payload = kvzalloc(payload_size, GFP_KERNEL);
	if (!generator->payload)
		return -ENOMEM;
	generator->payload_size = payload_size;
	generator->channel = channel;
	generator->count = 0;
	sim_generator_start(generator);

	return 0;
}

/**
 * sim_generator_detach() - Stop the timer and detach the channel
 * @generator: the generator; emits nothing after this function has returned
 *
 * Context: Process context. May sleep.
 */
void sim_generator_detach(struct sim_generator *generator)
{
	hrtimer_cancel(&generator->timer);
	generator->channel = NULL;
	kvfree(generator->payload);
	generator->payload = NULL;
}

/**
 * sim_generator_set_rate() - Change the rate
 * @generator: the generator, with a channel or without
 * @rate: events per second, at most SIM_RATE_MAX; 0: stop
 *
 * Context: Process context. May sleep.
 */
void sim_generator_set_rate(struct sim_generator *generator, u32 rate)
{
	hrtimer_cancel(&generator->timer);
	generator->rate = rate;
	if (generator->channel)
		sim_generator_start(generator);
}

/**
 * sim_generator_burst() - Emit a number of events at once
 * @generator: the generator, with a channel
 * @count: number of events
 *
 * Context: Process context. May sleep.
 * Return: 0 on success. -EINTR: a fatal signal has ended the burst. Otherwise as
 *	   for drvbus_emit().
 */
int sim_generator_burst(struct sim_generator *generator, u32 count)
{
	int ret = 0;

	while (!ret && count--) {
		ret = sim_generate(generator);
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return ret;
}
