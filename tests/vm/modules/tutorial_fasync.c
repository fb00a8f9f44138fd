// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test driver as in classic tutorials. An ioctl selects one of the driver's
 * channels by index. SIGIO is sent for each message. read() removes the oldest
 * message from the channel's queue and returns it. poll() is not supported.
 *
 * A write() of a struct tutorial_event simulates the hardware: it adds the
 * message to the queue of the channel with its index.
 */

#include <linux/fs.h>
#include <linux/kfifo.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define TUTORIAL_CHANNELS 4
/* The argument is the index itself. */
#define TUTORIAL_SET_INDEX _IO('o', 1)

struct tutorial_message {
	u32 id;
	u32 param[2];
};

struct tutorial_event {
	u32 index;
	u32 urgent;
	struct tutorial_message message;
};

static struct tutorial_channel {
	struct fasync_struct *async;
	DECLARE_KFIFO(messages, struct tutorial_message, 64);
} tutorial_channels[TUTORIAL_CHANNELS];

static DEFINE_MUTEX(tutorial_lock);

struct tutorial_file {
	unsigned int index;
};

static struct tutorial_channel *channel_of(struct file *file)
{
	struct tutorial_file *priv = file->private_data;

	return &tutorial_channels[priv->index];
}

static int tutorial_open(struct inode *inode, struct file *file)
{
	struct tutorial_file *priv = kzalloc(sizeof(*priv), GFP_KERNEL);

	file->private_data = priv;
	return priv ? 0 : -ENOMEM;
}

static int tutorial_fasync(int fd, struct file *file, int on)
{
	return fasync_helper(fd, file, on, &channel_of(file)->async);
}

static int tutorial_release(struct inode *inode, struct file *file)
{
	tutorial_fasync(-1, file, 0);
	kfree(file->private_data);
	return 0;
}

static long tutorial_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct tutorial_file *priv = file->private_data;

	if (cmd != TUTORIAL_SET_INDEX)
		return -ENOTTY;
	if (arg >= TUTORIAL_CHANNELS)
		return -EINVAL;
	priv->index = arg;
	return 0;
}

static ssize_t tutorial_read(struct file *file, char __user *buf, size_t size,
			     loff_t *pos)
{
	struct tutorial_message message;
	int got;

	if (size < sizeof(message))
		return -EINVAL;
	mutex_lock(&tutorial_lock);
	got = kfifo_get(&channel_of(file)->messages, &message);
	mutex_unlock(&tutorial_lock);
	if (!got)
		return -EAGAIN;
	return copy_to_user(buf, &message, sizeof(message)) ? -EFAULT :
							      sizeof(message);
}

static ssize_t tutorial_write(struct file *file, const char __user *buf,
			      size_t size, loff_t *pos)
{
	struct tutorial_channel *channel;
	struct tutorial_event event;

	if (size != sizeof(event))
		return -EINVAL;
	if (copy_from_user(&event, buf, sizeof(event)))
		return -EFAULT;
	if (event.index >= TUTORIAL_CHANNELS)
		return -EINVAL;
	channel = &tutorial_channels[event.index];
	mutex_lock(&tutorial_lock);
	kfifo_put(&channel->messages, event.message);
	mutex_unlock(&tutorial_lock);
	kill_fasync(&channel->async, SIGIO, event.urgent ? POLL_PRI : POLL_IN);
	return size;
}

static const struct file_operations tutorial_fops = {
	.owner = THIS_MODULE,
	.open = tutorial_open,
	.release = tutorial_release,
	.read = tutorial_read,
	.write = tutorial_write,
	.unlocked_ioctl = tutorial_ioctl,
	.fasync = tutorial_fasync,
};

static struct miscdevice tutorial_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tutorial_fasync",
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
	misc_deregister(&tutorial_device);
}

module_init(tutorial_init);
module_exit(tutorial_exit);
MODULE_DESCRIPTION("Test driver: classic asynchronous notification");
MODULE_LICENSE("GPL");
