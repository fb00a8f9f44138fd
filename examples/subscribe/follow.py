#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Print every event of a channel once and in order, with the client library.

This includes events from before the program started, events from a time when the
daemon or the bus was absent, and events that the bus dropped because the program was
too slow. If events cannot be recovered, prints their number.

usage: follow.py CHANNEL
"""

import sys

from gi.repository import GLib

import drvbus


def on_event(name, sequence, time, event_id, data):
    print(f"{sequence} {name} id={event_id} time={time} data={data}", flush=True)


def on_lost(first, count):
    print(f"lost {count or 'an unknown number'} from {first}", flush=True)


def on_replaced(complete):
    rest = "" if complete else "; more events of the previous one may be lost"
    print("new instance" + rest, flush=True)


def on_failure(error):
    print("follow.py:", error.message, file=sys.stderr)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    drvbus.Subscription(sys.argv[1], drvbus.Handlers(on_event, on_lost, on_replaced), failed=on_failure)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
