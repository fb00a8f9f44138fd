/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L

#include "consumer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/drvbus.h>

void die(const char *what, const char *hint)
{
	fprintf(stderr, "%s: %s (%s)\n", what, strerror(errno), hint);
	exit(EXIT_FAILURE);
}

static void usage(const char *program)
{
	fprintf(stderr,
		"usage: %s DEVICE [COUNT]\n"
		"Prints the events of a channel, /dev/drvbus/NAME. Exits after COUNT events.\n",
		program);
	exit(2);
}

static unsigned long parse_count(const char *program, const char *text)
{
	unsigned long count;
	char *end;

	errno = 0;
	count = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || count == 0)
		usage(program);
	return count;
}

static const char *open_hint(void)
{
	switch (errno) {
	case EACCES:
		return "run as root or as a member of group drvbus";
	case ENOENT:
		return "ls /dev/drvbus lists the channels";
	default:
		return "DEVICE must be the node of a channel, /dev/drvbus/NAME";
	}
}

void consumer_open(struct consumer *consumer, int argc, char **argv)
{
	*consumer = (struct consumer){ .fd = -1 };
	if (argc < 2 || argc > 3)
		usage(argv[0]);
	if (argc == 3)
		consumer->wanted = parse_count(argv[0], argv[2]);

	consumer->fd = open(argv[1], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (consumer->fd < 0)
		die(argv[1], open_hint());

	/* If stdout is a pipe, write each event immediately. */
	setvbuf(stdout, NULL, _IOLBF, 0);
}

/* Prints the payload as u32 parameters and the remaining bytes in hexadecimal. */
static void print_payload(const unsigned char *payload, uint32_t length)
{
	uint32_t done = 0;
	uint32_t parameter;

	fputs(" parameters=", stdout);
	for (; length - done >= sizeof(parameter); done += sizeof(parameter)) {
		memcpy(&parameter, payload + done, sizeof(parameter));
		printf("%s0x%08" PRIx32 "(%" PRIu32 ")", done ? "," : "", parameter,
		       parameter);
	}
	fputs(" bytes=", stdout);
	for (; done < length; done++)
		printf("%02x", payload[done]);
	putchar('\n');
}

static void print_event(struct consumer *consumer, const struct drvbus_record *record,
			const unsigned char *payload)
{
	if (consumer->printed && record->sequence != consumer->next_sequence)
		fprintf(stderr, "too slow: %llu events were overwritten before they were read\n",
			(unsigned long long)record->sequence - consumer->next_sequence);
	consumer->next_sequence = record->sequence + 1;
	consumer->printed++;

	printf("sequence=%llu id=%" PRIu32 " urgent=%d", (unsigned long long)record->sequence,
	       record->id, (record->flags & DRVBUS_EVENT_URGENT) != 0);
	print_payload(payload, record->length);
}

static bool all_printed(const struct consumer *consumer)
{
	return consumer->wanted && consumer->printed >= consumer->wanted;
}

static void print_records(struct consumer *consumer, const unsigned char *buffer, size_t size)
{
	size_t offset = 0;

	while (offset < size && !all_printed(consumer)) {
		struct drvbus_record record;

		memcpy(&record, buffer + offset, sizeof(record));
		print_event(consumer, &record, buffer + offset + sizeof(record));
		offset += sizeof(record) + record.length;
		offset += -offset % DRVBUS_RECORD_ALIGN;
	}
}

bool consumer_drain(struct consumer *consumer)
{
	/* Large enough for the largest possible record. */
	static unsigned char buffer[sizeof(struct drvbus_record) + DRVBUS_PAYLOAD_MAX];

	while (!all_printed(consumer)) {
		ssize_t size = read(consumer->fd, buffer, sizeof(buffer));

		if (size > 0) {
			print_records(consumer, buffer, (size_t)size);
		} else if (size == 0) {
			fputs("the channel was removed\n", stderr);
			return false;
		} else if (errno == EAGAIN) {
			return true;
		} else if (errno != EINTR) {
			die("read", "DEVICE must be the node of a channel, /dev/drvbus/NAME");
		}
	}
	return false;
}

int consumer_status(const struct consumer *consumer)
{
	return consumer->wanted && !all_printed(consumer) ? EXIT_FAILURE : EXIT_SUCCESS;
}
