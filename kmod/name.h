/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DRVBUS_NAME_H
#define DRVBUS_NAME_H

#include <linux/ctype.h>
#include <linux/string.h>
#include <linux/drvbus.h>

/* Whether @name is valid for a channel or an event: [A-Za-z0-9_-]{1,31}. */
static inline bool drvbus_name_valid(const char *name)
{
	size_t length = strnlen(name, DRVBUS_NAME_MAX + 1);
	size_t i;

	if (!length || length > DRVBUS_NAME_MAX)
		return false;
	for (i = 0; i < length; i++) {
		/* isalnum() alone accepts Latin-1 letters, too. */
		if (!isascii(name[i]))
			return false;
		if (!isalnum(name[i]) && name[i] != '_' && name[i] != '-')
			return false;
	}
	return true;
}

#endif /* DRVBUS_NAME_H */
