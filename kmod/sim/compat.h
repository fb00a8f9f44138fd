/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel interfaces that drvbus_sim.ko uses and that have changed since Linux
 * 6.1. For those of drvbus.ko, see ../compat.h.
 */
#ifndef DRVBUS_SIM_COMPAT_H
#define DRVBUS_SIM_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/version.h>

/* Linux 6.13 added hrtimer_setup(), Linux 6.15 removed hrtimer_init(). */
static inline void
sim_hrtimer_setup(struct hrtimer *timer,
		  enum hrtimer_restart (*function)(struct hrtimer *))
{
#if KERNEL_VERSION(6, 13, 0) <= LINUX_VERSION_CODE
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer->function = function;
#endif
}

#endif /* DRVBUS_SIM_COMPAT_H */
