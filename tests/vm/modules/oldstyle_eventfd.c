// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test driver as in classic tutorials. One ioctl registers an eventfd for one of
 * the driver's channels. The eventfd is signalled for each message, which
 * consists of an id and parameters. A second ioctl removes the oldest message of
 * a channel from its queue and returns it. read() does the same for the channel
 * with index 0.
 *
 * A write() of a struct oldstyle_message simulates the hardware: it adds the
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

#define OLDSTYLE_CHANNELS 4

struct oldstyle_eventfd {
	u32 index;
	s32 fd;
};

struct oldstyle_message {
	u32 index;
	u32 message_id;
	u32 message_param[4];
};

#define OLDSTYLE_SET_EVENTFD _IOW('o', 2, struct oldstyle_eventfd)
#define OLDSTYLE_GET_MESSAGE _IOWR('o', 3, struct oldstyle_message)

static struct oldstyle_channel {
	struct eventfd_ctx *eventfd;
	DECLARE_KFIFO(messages, struct oldstyle_message, 64);
} oldstyle_channels[OLDSTYLE_CHANNELS];

static DEFINE_MUTEX(oldstyle_lock);

static long oldstyle_set_eventfd(const struct oldstyle_eventfd __user *arg)
{
	struct eventfd_ctx *eventfd = NULL;
	struct oldstyle_eventfd set;

	if (copy_from_user(&set, arg, sizeof(set)))
		return -EFAULT;
	if (set.index >= OLDSTYLE_CHANNELS)
		return -EINVAL;
	if (set.fd >= 0) {
		eventfd = eventfd_ctx_fdget(set.fd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
	}
	mutex_lock(&oldstyle_lock);
	swap(eventfd, oldstyle_channels[set.index].eventfd);
	mutex_unlock(&oldstyle_lock);
	if (eventfd)
		eventfd_ctx_put(eventfd);
	return 0;
}

static bool oldstyle_get(u32 index, struct oldstyle_message *message)
{
	bool got;

	mutex_lock(&oldstyle_lock);
	got = kfifo_get(&oldstyle_channels[index].messages, message);
	mutex_unlock(&oldstyle_lock);
	return got;
}

static long oldstyle_get_message(struct oldstyle_message __user *arg)
{
	struct oldstyle_message message;
	u32 index;

	if (get_user(index, &arg->index))
		return -EFAULT;
	if (index >= OLDSTYLE_CHANNELS)
		return -EINVAL;
	if (!oldstyle_get(index, &message))
		return -ENODATA;
	return copy_to_user(arg, &message, sizeof(message)) ? -EFAULT : 0;
}

static long oldstyle_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	switch (cmd) {
	case OLDSTYLE_SET_EVENTFD:
		return oldstyle_set_eventfd((void __user *)arg);
	case OLDSTYLE_GET_MESSAGE:
		return oldstyle_get_message((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static ssize_t oldstyle_read(struct file *file, char __user *buf, size_t size,
			     loff_t *pos)
{
	struct oldstyle_message message;

	if (size < sizeof(message))
		return -EINVAL;
	if (!oldstyle_get(0, &message))
		return -EAGAIN;
	return copy_to_user(buf, &message, sizeof(message)) ? -EFAULT :
							      sizeof(message);
}

static ssize_t oldstyle_write(struct file *file, const char __user *buf,
			      size_t size, loff_t *pos)
{
	struct oldstyle_channel *channel;
	struct oldstyle_message message;

	if (size != sizeof(message))
		return -EINVAL;
	if (copy_from_user(&message, buf, sizeof(message)))
		return -EFAULT;
	if (message.index >= OLDSTYLE_CHANNELS)
		return -EINVAL;
	channel = &oldstyle_channels[message.index];
	mutex_lock(&oldstyle_lock);
	kfifo_put(&channel->messages, message);
	if (channel->eventfd)
		drvbus_eventfd_add(channel->eventfd, 1);
	mutex_unlock(&oldstyle_lock);
	return size;
}

static const struct file_operations oldstyle_fops = {
	.owner = THIS_MODULE,
	.read = oldstyle_read,
	.write = oldstyle_write,
	.unlocked_ioctl = oldstyle_ioctl,
};

static struct miscdevice oldstyle_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "oldstyle_eventfd",
	.fops = &oldstyle_fops,
};

static int __init oldstyle_init(void)
{
	unsigned int i;

	for (i = 0; i < OLDSTYLE_CHANNELS; i++)
		INIT_KFIFO(oldstyle_channels[i].messages);
	return misc_register(&oldstyle_device);
}

static void __exit oldstyle_exit(void)
{
	unsigned int i;

	misc_deregister(&oldstyle_device);
	for (i = 0; i < OLDSTYLE_CHANNELS; i++) {
		if (oldstyle_channels[i].eventfd)
			eventfd_ctx_put(oldstyle_channels[i].eventfd);
	}
}

module_init(oldstyle_init);
module_exit(oldstyle_exit);
MODULE_DESCRIPTION("Test driver: an ioctl registers an eventfd");
MODULE_LICENSE("GPL");
