// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test driver as in classic tutorials. One ioctl registers an eventfd for one of
 * the driver's channels. The eventfd is signalled for each message, which
 * consists of an id and parameters. A second ioctl removes the oldest message of
 * a channel from its queue and returns it. read() does the same for the channel
 * with index 0.
 *
 * A write() of a struct tutorial_message simulates the hardware: it adds the
 * message to the queue of the channel with its index.
 */

#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/kfifo.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "../../../kmod/compat.h" /* drvbus_eventfd_add() */

#define TUTORIAL_CHANNELS 4

struct tutorial_eventfd {
	u32 index;
	s32 fd;
};

struct tutorial_message {
	u32 index;
	u32 message_id;
	u32 message_param[4];
};

#define TUTORIAL_SET_EVENTFD _IOW('o', 2, struct tutorial_eventfd)
#define TUTORIAL_GET_MESSAGE _IOWR('o', 3, struct tutorial_message)

static struct tutorial_channel {
	struct eventfd_ctx *eventfd;
	DECLARE_KFIFO(messages, struct tutorial_message, 64);
} tutorial_channels[TUTORIAL_CHANNELS];

static DEFINE_MUTEX(tutorial_lock);

static long tutorial_set_eventfd(const struct tutorial_eventfd __user *arg)
{
	struct eventfd_ctx *eventfd = NULL;
	struct tutorial_eventfd set;

	if (copy_from_user(&set, arg, sizeof(set)))
		return -EFAULT;
	if (set.index >= TUTORIAL_CHANNELS)
		return -EINVAL;
	if (set.fd >= 0) {
		eventfd = eventfd_ctx_fdget(set.fd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
	}
	mutex_lock(&tutorial_lock);
	swap(eventfd, tutorial_channels[set.index].eventfd);
	mutex_unlock(&tutorial_lock);
	if (eventfd)
		eventfd_ctx_put(eventfd);
	return 0;
}

static bool tutorial_get(u32 index, struct tutorial_message *message)
{
	bool got;

	mutex_lock(&tutorial_lock);
	got = kfifo_get(&tutorial_channels[index].messages, message);
	mutex_unlock(&tutorial_lock);
	return got;
}

static long tutorial_get_message(struct tutorial_message __user *arg)
{
	struct tutorial_message message;
	u32 index;

	if (get_user(index, &arg->index))
		return -EFAULT;
	if (index >= TUTORIAL_CHANNELS)
		return -EINVAL;
	if (!tutorial_get(index, &message))
		return -ENODATA;
	return copy_to_user(arg, &message, sizeof(message)) ? -EFAULT : 0;
}

static long tutorial_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	switch (cmd) {
	case TUTORIAL_SET_EVENTFD:
		return tutorial_set_eventfd((void __user *)arg);
	case TUTORIAL_GET_MESSAGE:
		return tutorial_get_message((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static ssize_t tutorial_read(struct file *file, char __user *buf, size_t size,
			     loff_t *pos)
{
	struct tutorial_message message;

	if (size < sizeof(message))
		return -EINVAL;
	if (!tutorial_get(0, &message))
		return -EAGAIN;
	return copy_to_user(buf, &message, sizeof(message)) ? -EFAULT :
							      sizeof(message);
}

static ssize_t tutorial_write(struct file *file, const char __user *buf,
			      size_t size, loff_t *pos)
{
	struct tutorial_channel *channel;
	struct tutorial_message message;

	if (size != sizeof(message))
		return -EINVAL;
	if (copy_from_user(&message, buf, sizeof(message)))
		return -EFAULT;
	if (message.index >= TUTORIAL_CHANNELS)
		return -EINVAL;
	channel = &tutorial_channels[message.index];
	mutex_lock(&tutorial_lock);
	kfifo_put(&channel->messages, message);
	if (channel->eventfd)
		drvbus_eventfd_add(channel->eventfd, 1);
	mutex_unlock(&tutorial_lock);
	return size;
}

static const struct file_operations tutorial_fops = {
	.owner = THIS_MODULE,
	.read = tutorial_read,
	.write = tutorial_write,
	.unlocked_ioctl = tutorial_ioctl,
};

static struct miscdevice tutorial_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tutorial_eventfd",
	.fops = &tutorial_fops,
};

static int __init tutorial_init(void)
{
	unsigned int i;

	for (i = 0; i < TUTORIAL_CHANNELS; i++)
		INIT_KFIFO(tutorial_channels[i].messages);
	return misc_register(&tutorial_device);
}

static void __exit tutorial_exit(void)
{
	unsigned int i;

	misc_deregister(&tutorial_device);
	for (i = 0; i < TUTORIAL_CHANNELS; i++) {
		if (tutorial_channels[i].eventfd)
			eventfd_ctx_put(tutorial_channels[i].eventfd);
	}
}

module_init(tutorial_init);
module_exit(tutorial_exit);
MODULE_DESCRIPTION("Test driver: an ioctl registers an eventfd");
MODULE_LICENSE("GPL");
