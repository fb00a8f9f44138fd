// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parsing of what is written to the attributes of a simulated channel.
 */

#include <linux/drvbus.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../name.h"
#include "sim.h"

/* Maximum length of a write. configfs truncates longer ones without an error. */
#define SIM_WRITE_MAX 4094

/**
 * sim_copy_string() - Copy a string, without the newline that echo appends
 * @page: the string that was written
 * @count: its size in bytes
 *
 * Return: The copy, to be freed with kfree(), or an ERR_PTR(). -EINVAL: it would
 *	   be too long or contain a NUL. -ENOMEM: not enough memory.
 */
char *sim_copy_string(const char *page, size_t count)
{
	if (count > SIM_WRITE_MAX)
		return ERR_PTR(-EINVAL);
	if (count && page[count - 1] == '\n')
		count--;
	if (memchr(page, '\0', count))
		return ERR_PTR(-EINVAL);
	return kmemdup_nul(page, count, GFP_KERNEL) ?: ERR_PTR(-ENOMEM);
}

/**
 * sim_parse_u32() - Parse a number, decimal, octal or hexadecimal
 * @text: the number; a trailing newline is allowed
 * @limit: maximum value
 * @value: set on success
 *
 * Return: 0 on success. -EINVAL: not a number, or greater than @limit.
 */
int sim_parse_u32(const char *text, u32 limit, u32 *value)
{
	u32 parsed;

	if (kstrtou32(text, 0, &parsed) || parsed > limit)
		return -EINVAL;
	*value = parsed;
	return 0;
}

static int sim_parse_event_name(char *entry, struct drvbus_event_name *name)
{
	char *id = strsep(&entry, " \t");

	if (!entry || sim_parse_u32(id, U32_MAX, &name->id))
		return -EINVAL;
	name->name = strim(entry);
	return drvbus_name_valid(name->name) ? 0 : -EINVAL;
}

/**
 * sim_parse_event_names() - Parse entries of "ID NAME"
 * @text: entries, one per line or separated by commas; modified
 * @names: set to an array, to be freed with kfree(). The names point into @text.
 *
 * Return: Number of entries. -EINVAL: an entry is invalid. -ENOMEM: not enough
 *	   memory.
 */
int sim_parse_event_names(char *text, struct drvbus_event_name **names)
{
	unsigned int capacity = 1;
	unsigned int count = 0;
	const char *end;
	char *entry;
	int ret;

	for (end = text; (end = strpbrk(end, ",\n")); end++)
		capacity++;
	*names = kcalloc(capacity, sizeof(**names), GFP_KERNEL);
	if (!*names)
		return -ENOMEM;

	while ((entry = strsep(&text, ",\n"))) {
		entry = strim(entry);
		if (!*entry)
			continue;
		ret = sim_parse_event_name(entry, &(*names)[count]);
		if (ret) {
			kfree(*names);
			return ret;
		}
		count++;
	}
	return count;
}

/**
 * sim_parse_event_name_lines() - Parse entries of "ID NAME" and normalize them
 * @text: as for sim_parse_event_names(); modified
 *
 * Return: One line of "ID NAME" for each entry, to be freed with kfree(), or an
 *	   ERR_PTR(). -EINVAL: an entry is invalid, or the lines exceed a page.
 *	   -ENOMEM: not enough memory.
 */
char *sim_parse_event_name_lines(char *text)
{
	struct drvbus_event_name *names;
	size_t used = 0;
	char *lines;
	int count;
	int i;

	count = sim_parse_event_names(text, &names);
	if (count < 0)
		return ERR_PTR(count);

	lines = kzalloc(PAGE_SIZE, GFP_KERNEL);
	for (i = 0; lines && i < count; i++)
		used += scnprintf(lines + used, PAGE_SIZE - used, "%s%u %s",
				  used ? "\n" : "", names[i].id, names[i].name);
	kfree(names);
	if (!lines)
		return ERR_PTR(-ENOMEM);
	/* sim_show_string() appends a newline. */
	if (used > PAGE_SIZE - 2) {
		kfree(lines);
		return ERR_PTR(-EINVAL);
	}
	return lines;
}

static int sim_parse_payload(const char *hex, struct sim_event *event)
{
	size_t digits = strlen(hex);

	if (digits % 2)
		return -EINVAL;
	event->length = digits / 2;
	event->payload = kmalloc(event->length, GFP_KERNEL);
	if (!event->payload)
		return -ENOMEM;
	if (hex2bin(event->payload, hex, event->length)) {
		kfree(event->payload);
		return -EINVAL;
	}
	return 0;
}

/**
 * sim_parse_event() - Parse "ID [urgent] [HEXBYTES]"
 * @text: the event; modified
 * @event: set on success; the caller frees its payload
 *
 * Return: 0 on success. -EINVAL: invalid. -ENOMEM: not enough memory.
 */
int sim_parse_event(char *text, struct sim_event *event)
{
	char *words[3] = { NULL };
	unsigned int count = 0;
	unsigned int used = 1;
	char *word;

	while ((word = strsep(&text, " \t\n"))) {
		if (!*word)
			continue;
		if (count == ARRAY_SIZE(words))
			return -EINVAL;
		words[count++] = word;
	}
	if (!count || sim_parse_u32(words[0], U32_MAX, &event->id))
		return -EINVAL;

	event->flags = 0;
	if (used < count && !strcmp(words[used], "urgent")) {
		event->flags = DRVBUS_EVENT_URGENT;
		used++;
	}
	if (count > used + 1)
		return -EINVAL;
	return sim_parse_payload(used < count ? words[used] : "", event);
}
