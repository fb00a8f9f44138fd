// SPDX-License-Identifier: LGPL-2.1-or-later
// Preprocessed to get the names of the target's kernel header (meson.build).
#include <linux/input-event-codes.h>
