#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Print the preset evdev: the file given first, and behind it the names of the kernel's header given second."""

import re
import sys

TYPES = {"SYN": 0x00, "KEY": 0x01, "BTN": 0x01, "REL": 0x02, "ABS": 0x03, "MSC": 0x04, "SW": 0x05,
         "LED": 0x11, "SND": 0x12, "REP": 0x14, "FF": 0x15}
# Second names of what has a better one; libevdev passes over the same.
SECOND = {"BTN_MISC", "BTN_MOUSE", "BTN_JOYSTICK", "BTN_GAMEPAD", "BTN_DIGI", "BTN_WHEEL", "BTN_TRIGGER_HAPPY"}


def names(header):
    """Ids and names, one for each id."""
    found = {}
    for name, number in re.findall(r"^#define\s+([A-Z]+_\w+)\s+(0x[0-9a-fA-F]+|\d+)\b", header, re.MULTILINE):
        kind = name.split("_", 1)[0]
        if kind in TYPES and name not in SECOND and not name.endswith(("_MAX", "_CNT")):
            found.setdefault(TYPES[kind] << 16 | int(number, 0), name)
    return found


def main():
    template, header = (open(name, encoding="utf-8").read() for name in sys.argv[1:3])
    print(template, end="")
    for number, name in sorted(names(header).items()):
        print(f'{number:#x} = "{name}"')


main()
