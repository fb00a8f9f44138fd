/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading and printing of a channel's events, for both example consumers.
 */
#ifndef CONSUMER_H
#define CONSUMER_H

#include <stdbool.h>

struct consumer {
	int fd;			/* the node, opened with O_NONBLOCK */
	unsigned long wanted;	/* number of events to print before the exit; 0: no limit */
	unsigned long printed;	/* number of events printed so far */
	unsigned long long next_sequence; /* of the next event if none is lost */
};

/*
 * Parses the arguments "PROG DEVICE [COUNT]" and opens the device. Exits on an
 * error.
 */
void consumer_open(struct consumer *consumer, int argc, char **argv);

/*
 * Reads and prints events until the device is drained. Returns false if there
 * is nothing more to wait for: the program has printed all wanted events, or the
 * channel was removed.
 */
bool consumer_drain(struct consumer *consumer);

/* Returns the exit status: a failure if wanted events are missing. */
int consumer_status(const struct consumer *consumer);

/* Prints what failed, strerror(errno) and a hint, and exits. */
void die(const char *what, const char *hint) __attribute__((noreturn));

#endif /* CONSUMER_H */
