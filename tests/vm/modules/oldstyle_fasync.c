// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test driver as in classic tutorials. An ioctl selects one of the driver's
 * channels by index. SIGIO is sent for each message. read() removes the oldest
 * message from the channel's queue and returns it. poll() is not supported.
 *
 * A write() of a struct oldstyle_event simulates the hardware: it adds the
 * message to the queue of the channel with its index.
 */

#include <linux/fs.h>
#include <linux/kfifo.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define OLDSTYLE_CHANNELS 4
/* The argument is the index itself. */
#define OLDSTYLE_SET_INDEX _IO('o', 1)

struct oldstyle_message {
	u32 id;
	u32 param[2];
};

struct oldstyle_event {
	u32 index;
	u32 urgent;
	struct oldstyle_message message;
};

static struct oldstyle_channel {
	struct fasync_struct *async;
	DECLARE_KFIFO(messages, struct oldstyle_message, 64);
} oldstyle_channels[OLDSTYLE_CHANNELS];

static DEFINE_MUTEX(oldstyle_lock);

struct oldstyle_file {
	unsigned int index;
};

static struct oldstyle_channel *channel_of(struct file *file)
{
	struct oldstyle_file *priv = file->private_data;

	return &oldstyle_channels[priv->index];
}

static int oldstyle_open(struct inode *inode, struct file *file)
{
	struct oldstyle_file *priv = kzalloc(sizeof(*priv), GFP_KERNEL);

	file->private_data = priv;
	return priv ? 0 : -ENOMEM;
}

static int oldstyle_fasync(int fd, struct file *file, int on)
{
	return fasync_helper(fd, file, on, &channel_of(file)->async);
}

static int oldstyle_release(struct inode *inode, struct file *file)
{
	oldstyle_fasync(-1, file, 0);
	kfree(file->private_data);
	return 0;
}

static long oldstyle_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct oldstyle_file *priv = file->private_data;

	if (cmd != OLDSTYLE_SET_INDEX)
		return -ENOTTY;
	if (arg >= OLDSTYLE_CHANNELS)
		return -EINVAL;
	priv->index = arg;
	return 0;
}

static ssize_t oldstyle_read(struct file *file, char __user *buf, size_t size,
			     loff_t *pos)
{
	struct oldstyle_message message;
	int got;

	if (size < sizeof(message))
		return -EINVAL;
	mutex_lock(&oldstyle_lock);
	got = kfifo_get(&channel_of(file)->messages, &message);
	mutex_unlock(&oldstyle_lock);
	if (!got)
		return -EAGAIN;
	return copy_to_user(buf, &message, sizeof(message)) ? -EFAULT :
							      sizeof(message);
}

static ssize_t oldstyle_write(struct file *file, const char __user *buf,
			      size_t size, loff_t *pos)
{
	struct oldstyle_channel *channel;
	struct oldstyle_event event;

	if (size != sizeof(event))
		return -EINVAL;
	if (copy_from_user(&event, buf, sizeof(event)))
		return -EFAULT;
	if (event.index >= OLDSTYLE_CHANNELS)
		return -EINVAL;
	channel = &oldstyle_channels[event.index];
	mutex_lock(&oldstyle_lock);
	kfifo_put(&channel->messages, event.message);
	mutex_unlock(&oldstyle_lock);
	kill_fasync(&channel->async, SIGIO, event.urgent ? POLL_PRI : POLL_IN);
	return size;
}

static const struct file_operations oldstyle_fops = {
	.owner = THIS_MODULE,
	.open = oldstyle_open,
	.release = oldstyle_release,
	.read = oldstyle_read,
	.write = oldstyle_write,
	.unlocked_ioctl = oldstyle_ioctl,
	.fasync = oldstyle_fasync,
};

static struct miscdevice oldstyle_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "oldstyle_fasync",
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
	misc_deregister(&oldstyle_device);
}

module_init(oldstyle_init);
module_exit(oldstyle_exit);
MODULE_DESCRIPTION("Test driver: classic asynchronous notification");
MODULE_LICENSE("GPL");
