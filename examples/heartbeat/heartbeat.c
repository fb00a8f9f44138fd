// SPDX-License-Identifier: GPL-2.0-only
/*
 * Example driver: emits an event every second, or an urgent one if it is late.
 */
#include <linux/devm-helpers.h>
#include <linux/drvbus.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/workqueue.h>

enum { HEARTBEAT_BEAT = 1, HEARTBEAT_LATE = 2 };

/* The layout that the channel's format describes: packed, native byte order. */
struct heartbeat_payload {
	u32 beat;
	u32 late_ms;
} __packed;

static const struct drvbus_event_name heartbeat_names[] = {
	{ HEARTBEAT_BEAT, "beat" },
	{ HEARTBEAT_LATE, "late" },
};

static const struct drvbus_channel_config heartbeat_config = {
	.name = "heartbeat",
	.depth = 64,
	.payload_size = sizeof(struct heartbeat_payload),
	.format = "u32 beat; u32 late_ms",
	.event_names = heartbeat_names,
	.num_event_names = ARRAY_SIZE(heartbeat_names),
};

static struct platform_device *heartbeat_device;
static struct drvbus_channel *heartbeat_channel;
static struct delayed_work heartbeat_work;
static unsigned long heartbeat_due;
static u32 heartbeat_count;

/* An interrupt handler can call drvbus_emit() in the same way. */
static void heartbeat_beat(struct work_struct *work)
{
	struct heartbeat_payload payload = {
		.beat = ++heartbeat_count,
		.late_ms = jiffies_to_msecs(jiffies - heartbeat_due),
	};
	bool late = payload.late_ms > 100;
	int ret;

	ret = drvbus_emit(heartbeat_channel,
			  late ? HEARTBEAT_LATE : HEARTBEAT_BEAT,
			  late ? DRVBUS_EVENT_URGENT : 0,
			  &payload, sizeof(payload));
	if (ret)
		pr_warn_ratelimited("heartbeat: cannot emit: %d\n", ret);

	heartbeat_due = jiffies + HZ;
	schedule_delayed_work(to_delayed_work(work), HZ);
}

static int heartbeat_probe(struct platform_device *pdev)
{
	int ret;

	heartbeat_channel = devm_drvbus_channel_create(&pdev->dev,
						       &heartbeat_config);
	if (IS_ERR(heartbeat_channel))
		return PTR_ERR(heartbeat_channel);

	/* devm cancels the work before it destroys the channel. */
	ret = devm_delayed_work_autocancel(&pdev->dev, &heartbeat_work,
					   heartbeat_beat);
	if (ret)
		return ret;

	heartbeat_due = jiffies + HZ;
	schedule_delayed_work(&heartbeat_work, HZ);
	return 0;
}

static struct platform_driver heartbeat_driver = {
	.driver.name = "heartbeat",
};

/* Also creates the device, because no firmware or bus reports one. */
static int __init heartbeat_init(void)
{
	heartbeat_device = platform_create_bundle(&heartbeat_driver,
						  heartbeat_probe, NULL, 0,
						  NULL, 0);
	return PTR_ERR_OR_ZERO(heartbeat_device);
}

static void __exit heartbeat_exit(void)
{
	platform_device_unregister(heartbeat_device);
	platform_driver_unregister(&heartbeat_driver);
}

module_init(heartbeat_init);
module_exit(heartbeat_exit);
MODULE_DESCRIPTION("Example driver that emits events through drvbus");
MODULE_LICENSE("GPL");
