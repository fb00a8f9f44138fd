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
 * Does nothing: main() reads the events when sigsuspend() returns. One SIGIO can
 * stand for several events, so @info does not describe them. A real-time signal
 * that fcntl(F_SETSIG) selects is sent for each event, and @info contains the file
 * descriptor and whether the event is urgent.
 */
static void on_sigio(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	(void)context;
}

/*
 * Blocks SIGIO except during sigsuspend(). A signal that is sent at any other
 * time remains pending and ends the next sigsuspend(). Returns the mask for
 * sigsuspend().
 */
static sigset_t catch_sigio(void)
{
	struct sigaction action = { .sa_sigaction = on_sigio, .sa_flags = SA_SIGINFO };
	sigset_t sigio;
	sigset_t waiting;

	sigemptyset(&sigio);
	sigaddset(&sigio, SIGIO);
	if (sigprocmask(SIG_BLOCK, &sigio, &waiting) < 0)
		die("sigprocmask", "unexpected error");
	sigdelset(&waiting, SIGIO);

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGIO, &action, NULL) < 0)
		die("sigaction", "unexpected error");
	return waiting;
}

static void enable_sigio(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	/* Set the owner first. A signal without an owner is lost. */
	if (flags < 0 || fcntl(fd, F_SETOWN, getpid()) < 0)
		die("F_SETOWN", "DEVICE does not support SIGIO");
	if (fcntl(fd, F_SETFL, flags | O_ASYNC) < 0)
		die("O_ASYNC", "DEVICE does not support SIGIO");
}

int main(int argc, char **argv)
{
	struct consumer consumer;
	sigset_t waiting;

	consumer_open(&consumer, argc, argv);
	waiting = catch_sigio();
	enable_sigio(consumer.fd);

	/* The first call reads the events from before O_ASYNC was set. */
	while (consumer_drain(&consumer))
		sigsuspend(&waiting);

	close(consumer.fd);
	return consumer_status(&consumer);
}
