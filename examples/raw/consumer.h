/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What both consumers do with a channel's node once they know of news.
 */
#ifndef CONSUMER_H
#define CONSUMER_H

#include <stdbool.h>

struct consumer {
	int fd;			/* the node, open with O_NONBLOCK */
	unsigned long wanted;	/* events until the program ends; 0: no end */
	unsigned long seen;
	unsigned long long next_sequence;
};

/* Takes "PROG DEVICE [COUNT]" and opens the device; ends the program if it can't. */
void consumer_open(struct consumer *consumer, int argc, char **argv);

/*
 * Prints all events there are. False where there is nothing more to wait for:
 * all wanted events have been seen, or the channel is gone.
 */
bool consumer_drain(struct consumer *consumer);

/* Exit status: whether all wanted events have been seen. */
int consumer_status(const struct consumer *consumer);

/* Says what failed, why, and what to do; ends the program. */
void die(const char *what, const char *hint) __attribute__((noreturn));

#endif /* CONSUMER_H */
