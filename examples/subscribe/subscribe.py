#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Print the events of a channel as their signals arrive.

With EVENT, the bus sends only the events of this name (a match on arg0), so that no
other event wakes the program. Does not detect that the bus dropped events; follow.py
shows how to receive every event.

usage: subscribe.py CHANNEL [EVENT]
"""

import sys

from gi.repository import Gio, GLib

import drvbus


def on_event(_bus, _sender, _path, _interface, _signal, arguments):
    name, sequence, time, event_id, data = arguments.unpack()
    print(f"{sequence} {name} id={event_id} time={time} data={data}", flush=True)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    channel, event = sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else None
    bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
    bus.signal_subscribe(drvbus.SERVICE_NAME, "org.drvbus1.Channel", "Event",
                         drvbus.channel_path(channel), event, Gio.DBusSignalFlags.NONE, on_event)
    # When the bus replies to this call, it has added the match rule, which was sent before.
    bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                  "GetId", None, None, Gio.DBusCallFlags.NONE, -1)
    print("subscribed", flush=True)
    GLib.MainLoop().run()


main()
