/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DRVBUS_VERSION_H
#define DRVBUS_VERSION_H

#define DRVBUS_VERSION "0.1.0"

#endif /* DRVBUS_VERSION_H */
