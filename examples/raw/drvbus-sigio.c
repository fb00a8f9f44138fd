/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a channel with asynchronous notification: SIGIO.
 */
#define _GNU_SOURCE /* O_ASYNC */

#include "consumer.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/*
 * There is nothing to do here, since the events are read where sigsuspend()
 * returns. Plain SIGIO tells nothing in @info, and many events may make one
 * signal; with fcntl(F_SETSIG), @info has the file and whether it is urgent.
 */
static void on_sigio(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	(void)context;
}

/*
 * Blocks SIGIO except while waiting, so that one that comes at any other time
 * stays pending and ends the next wait. Returns the mask to wait with.
 */
static sigset_t catch_sigio(void)
{
	struct sigaction action = { .sa_sigaction = on_sigio, .sa_flags = SA_SIGINFO };
	sigset_t sigio;
	sigset_t waiting;

	sigemptyset(&sigio);
	sigaddset(&sigio, SIGIO);
	if (sigprocmask(SIG_BLOCK, &sigio, &waiting) < 0)
		die("sigprocmask", "this should not happen");
	sigdelset(&waiting, SIGIO);

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGIO, &action, NULL) < 0)
		die("sigaction", "this should not happen");
	return waiting;
}

static void ask_for_sigio(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	/* First to whom, then that: no signal goes to nobody. */
	if (flags < 0 || fcntl(fd, F_SETOWN, getpid()) < 0)
		die("F_SETOWN", "DEVICE takes no owner");
	if (fcntl(fd, F_SETFL, flags | O_ASYNC) < 0)
		die("O_ASYNC", "DEVICE offers no asynchronous notification");
}

int main(int argc, char **argv)
{
	struct consumer consumer;
	sigset_t waiting;

	consumer_open(&consumer, argc, argv);
	waiting = catch_sigio();
	ask_for_sigio(consumer.fd);

	/* The first round takes what was there before the signal was asked for. */
	while (consumer_drain(&consumer))
		sigsuspend(&waiting);

	close(consumer.fd);
	return consumer_status(&consumer);
}
