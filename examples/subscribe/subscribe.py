#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Print the events of a channel.

With EVENT, the bus sends those of this name alone (a match on arg0): nothing
else wakes this program.

usage: subscribe.py CHANNEL [EVENT]
"""

import sys

from gi.repository import Gio, GLib


def object_path(channel):
    """As sd_bus_path_encode(3): what is no letter or digit becomes _XX."""
    escaped = "".join(
        c if c.isascii() and c.isalpha() or c.isdigit() and i > 0 else "_%02x" % ord(c)
        for i, c in enumerate(channel))
    return "/org/drvbus1/channel/" + escaped


def on_event(_bus, _sender, _path, _interface, _signal, arguments):
    name, sequence, time, event_id, data = arguments.unpack()
    print(f"{sequence} {name} id={event_id} time={time} data={data}", flush=True)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    channel, event = sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else None
    bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
    bus.signal_subscribe("org.drvbus1", "org.drvbus1.Channel", "Event", object_path(channel),
                         event, Gio.DBusSignalFlags.NONE, on_event)
    # An answer from the bus: the match, which was sent before, is in place.
    bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                  "GetId", None, None, Gio.DBusCallFlags.NONE, -1)
    print("subscribed", flush=True)
    GLib.MainLoop().run()


main()
