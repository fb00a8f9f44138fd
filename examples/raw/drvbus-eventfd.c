/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a channel with an eventfd and select().
 */
#define _POSIX_C_SOURCE 200809L

#include "consumer.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>

#include <linux/drvbus.h>

#define TIME_OUT_SECONDS 5

/* The eventfd counts the events that can be read already, and all later ones. */
static int register_eventfd(const struct consumer *consumer)
{
	int efd = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE | EFD_CLOEXEC);
	int32_t argument = efd;

	if (efd < 0)
		die("eventfd", "check the limit of open files with ulimit -n");
	if (ioctl(consumer->fd, DRVBUS_IOC_EVENTFD, &argument) < 0)
		die("DRVBUS_IOC_EVENTFD",
		    "DEVICE does not support eventfds; use drvbus-sigio");
	return efd;
}

static void wait_until_readable(int efd)
{
	for (;;) {
		struct timeval time_out = { .tv_sec = TIME_OUT_SECONDS };
		fd_set readable;
		int ready;

		FD_ZERO(&readable);
		FD_SET(efd, &readable);
		ready = select(efd + 1, &readable, NULL, NULL, &time_out);
		if (ready > 0)
			return;
		if (ready == 0)
			fprintf(stderr, "no event for %d s\n", TIME_OUT_SECONDS);
		else if (errno != EINTR)
			die("select", "unexpected error");
	}
}

/*
 * With EFD_SEMAPHORE, each read of the eventfd stands for one event. Read the
 * eventfd before the device: an event that is emitted after the read of the
 * eventfd increments the counter, and so ends the next wait. In the opposite
 * order, an event could be emitted between the two reads. The program would then
 * consume its count without reading the event.
 */
static bool read_events(struct consumer *consumer, int efd)
{
	eventfd_t one;

	while (eventfd_read(efd, &one) == 0) {
		if (!consumer_drain(consumer))
			return false;
	}
	if (errno != EAGAIN && errno != EINTR)
		die("eventfd_read", "unexpected error");
	return true;
}

int main(int argc, char **argv)
{
	struct consumer consumer;
	int efd;

	consumer_open(&consumer, argc, argv);
	efd = register_eventfd(&consumer);
	do {
		wait_until_readable(efd);
	} while (read_events(&consumer, efd));

	close(efd);
	close(consumer.fd);
	return consumer_status(&consumer);
}
