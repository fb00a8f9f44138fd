/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel interfaces that drvbus.ko uses and that have changed since Linux 6.1.
 */
#ifndef DRVBUS_COMPAT_H
#define DRVBUS_COMPAT_H

#include <linux/device.h>
#include <linux/eventfd.h>
#include <linux/version.h>

/* Since Linux 6.2, class->devnode takes a const device. */
#if KERNEL_VERSION(6, 2, 0) <= LINUX_VERSION_CODE
#define drvbus_devnode_arg const struct device
#else
#define drvbus_devnode_arg struct device
#endif

/* Adds @count to an eventfd. Since Linux 6.8, a call adds only 1. */
static inline void drvbus_eventfd_add(struct eventfd_ctx *ctx, u32 count)
{
#if KERNEL_VERSION(6, 8, 0) <= LINUX_VERSION_CODE
	while (count--)
		eventfd_signal(ctx);
#else
	eventfd_signal(ctx, count);
#endif
}

/* Since Linux 6.10, __assign_str() uses the source given to __string(). */
#if KERNEL_VERSION(6, 10, 0) <= LINUX_VERSION_CODE
#define drvbus_assign_str(field, source) __assign_str(field)
#else
#define drvbus_assign_str(field, source) __assign_str(field, source)
#endif

#endif /* DRVBUS_COMPAT_H */
