// SPDX-License-Identifier: LGPL-2.1-or-later
// meson.build preprocesses this file to get the event codes from the kernel header of the target.
#include <linux/input-event-codes.h>
