#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Print the preset evdev: the template, followed by the names of the event codes.

usage: evdev-names.py TEMPLATE HEADER

HEADER is linux/input-event-codes.h as the compiler preprocessed it with -dD, which keeps the definitions.
"""

import re
import sys

TYPES = {"SYN": 0x00, "KEY": 0x01, "BTN": 0x01, "REL": 0x02, "ABS": 0x03, "MSC": 0x04, "SW": 0x05,
         "LED": 0x11, "SND": 0x12, "REP": 0x14, "FF": 0x15}
# Aliases of codes that have a more specific name. libevdev ignores the same ones.
ALIASES = {"BTN_MISC", "BTN_MOUSE", "BTN_JOYSTICK", "BTN_GAMEPAD", "BTN_DIGI", "BTN_WHEEL", "BTN_TRIGGER_HAPPY"}


def names(header):
    """Ids and names. The first definition of an id gives its name."""
    found = {}
    for name, number in re.findall(r"^#define\s+([A-Z]+_\w+)\s+(0x[0-9a-fA-F]+|\d+)\b", header, re.MULTILINE):
        kind = name.split("_", 1)[0]
        if kind in TYPES and name not in ALIASES and not name.endswith(("_MAX", "_CNT")):
            found.setdefault(TYPES[kind] << 16 | int(number, 0), name)
    return found


def main():
    template, header = (open(name, encoding="utf-8").read() for name in sys.argv[1:3])
    found = names(header)
    if not found:
        sys.exit(f"{sys.argv[2]} defines no event codes")
    print(template, end="")
    for number, name in sorted(found.items()):
        print(f'{number:#x} = "{name}"')


main()
