#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Print every event of a channel, once and in order.

Also those from before this was started, from while the daemon or the bus was
away, and those that the bus dropped because this was too slow; what is lost for
good is told. docs/reliability.md says why this is the way; Follower is what to
take into a program.

usage: follow.py CHANNEL
"""

import sys

from gi.repository import Gio, GLib

EVERY_SO_OFTEN = 1  # s


def object_path(channel):
    """As sd_bus_path_encode(3): what is no letter or digit becomes _XX."""
    escaped = "".join(
        c if c.isascii() and c.isalpha() or c.isdigit() and i > 0 else "_%02x" % ord(c)
        for i, c in enumerate(channel))
    return "/org/drvbus1/channel/" + escaped


class Follower:
    """The recipe: what is next is delivered; at anything else the channel is asked what is next.

    event(name, sequence, time, id, data), lost(first, count) and
    instance(to_the_end) are called in order. instance() says that the channel was
    replaced and sequences begin anew; where not to_the_end, more of the old ones
    may have been missed, and nobody knows how many. Keep `position` over the end
    of a connection.
    """

    def __init__(self, bus, channel, event, lost, instance, position=(0, 1, 0)):
        self.bus, self.path = bus, object_path(channel)
        self.event, self.lost, self.begun = event, lost, instance
        self.instance, self.next, self.time = position
        self.missed = True  # something, or what was before is not known yet
        self.replaced = False  # known, and not yet told
        self.new_instance = 0  # the one that has come
        self.begin_of_new = None  # time of its first event
        self.asked_bus = 0  # and not yet answered
        self.subscription = bus.signal_subscribe(
            "org.drvbus1", "org.drvbus1.Channel", None, self.path, None,
            Gio.DBusSignalFlags.NONE, self.on_signal)

    @property
    def position(self):
        return self.instance, self.next, self.time

    def close(self):
        self.bus.signal_unsubscribe(self.subscription)

    def catch_up(self):
        """Ask for everything up to now; raises GLib.Error where nobody answers.

        To be called at the start, and every now and then, since nobody tells of
        the last message that was missed; but once all signals that have come are
        worked off, or a service that takes long to answer lets them pile up.
        """
        more = True
        while more:
            events, following, more, _lost, instance = self.ask_from_position()
            if self.instance not in (0, instance):
                self.replaced_by(events, instance)
                return
            self.instance = instance
            before = self.next
            for event in events:
                self.deliver(event)
            self.skip_to(following)
            more = more and self.next > before  # after a restart the channel may be behind
        self.missed = False

    def ask(self, since):
        return self.bus.call_sync(
            "org.drvbus1", self.path, "org.drvbus1.Channel", "GetEvents",
            GLib.Variant("(tu)", (since, 0)), GLib.VariantType("(a(sttuv)tbtt)"),
            Gio.DBusCallFlags.NONE, -1).unpack()

    def ask_from_position(self):
        try:
            return self.ask(self.next)
        except GLib.Error as error:
            if Gio.DBusError.get_remote_error(error) != "org.drvbus1.Error.OutOfRange":
                raise
            return self.ask(1)  # another instance, or what was sent last comes once more

    def try_to_catch_up(self):
        try:
            self.catch_up()
        except GLib.Error:
            pass  # the next event, or the next call, tries again; none comes out of order

    def replaced_by(self, events, instance):
        """The answer has overtaken the signals that wait in this program, up to the old one's end.

        The answer to a call that does not wait comes behind them.
        """
        if not self.replaced:
            self.missed = self.replaced = True
            self.begin_of_new = None
            self.asked_bus += 1
            self.bus.call(
                "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId",
                None, None, Gio.DBusCallFlags.NONE, -1, None, self.bus_answered)
        self.new_instance = instance
        if events and events[0][2] != 0:
            self.begin_of_new = min(self.begin_of_new or events[0][2], events[0][2])

    def bus_answered(self, bus, result):
        self.asked_bus -= 1
        try:
            bus.call_finish(result)
        except GLib.Error:
            self.replaced = False  # whoever asks next finds it out once more
        if self.replaced and self.asked_bus == 0:
            self.switch_over()

    def switch_over(self):
        self.replaced = False
        try:
            instance, following = self.ask_previous()
        except GLib.Error:
            return  # whoever asks next finds it out once more
        to_the_end = instance == self.instance
        if to_the_end:
            self.skip_to(following)  # the bus has dropped the rest, and the driver took it along
        self.instance, self.next, self.time = self.new_instance, 1, 0
        self.begun(to_the_end)
        self.try_to_catch_up()

    def ask_previous(self):
        return self.bus.call_sync(
            "org.drvbus1", self.path, "org.freedesktop.DBus.Properties", "Get",
            GLib.Variant("(ss)", ("org.drvbus1.Channel", "Previous")), GLib.VariantType("(v)"),
            Gio.DBusCallFlags.NONE, -1).unpack()[0]

    def deliver(self, event):
        if event[1] < self.next:
            return
        self.skip_to(event[1])
        self.next, self.time = event[1] + 1, event[2]
        self.event(*event)

    def skip_to(self, following):
        if following > self.next:
            first, self.next = self.next, following
            self.lost(first, following - first)

    def on_signal(self, _bus, _sender, _path, _interface, signal, arguments):
        if signal == "Event":
            self.heard(arguments.unpack())
        elif signal == "Lost":
            self.heard_lost(*arguments.unpack())

    def heard(self, event):
        _name, sequence, time, _id, _data = event
        if sequence < self.next and 0 < time <= self.time:
            return  # it comes once more, or was asked for before it came
        # The first of all may always be another instance's.
        if 1 < sequence == self.next and not self.missed:
            self.deliver(event)
            return
        self.missed = True
        if not self.replaced or self.begin_of_new is None:
            self.try_to_catch_up()
        if self.replaced:
            self.heard_of_either(event)

    def heard_of_either(self, event):
        """The end of the old instance, or already the new one?"""
        _name, sequence, time, _id, _data = event
        begun = self.begin_of_new is not None and 0 < self.begin_of_new <= time
        if begun or (sequence < self.next and time > self.time):
            self.switch_over()
        else:
            self.deliver(event)

    def heard_lost(self, first, count):
        if 1 < first == self.next and (self.replaced or not self.missed):
            self.skip_to(first + count)
        elif not self.replaced:
            self.missed = True
            self.try_to_catch_up()


class Session:
    """A connection and what is followed on it, made anew when the bus ends it."""

    def __init__(self, channel):
        self.channel, self.bus, self.follower, self.position = channel, None, None, (0, 1, 0)

    def tend(self):
        try:
            if self.bus is None or self.bus.is_closed():
                self.connect()
            self.follower.catch_up()
        except GLib.Error as error:
            print("follow.py:", error.message, file=sys.stderr)  # the next time may be better
        return GLib.SOURCE_CONTINUE

    def connect(self):
        if self.follower:
            self.follower.close()  # signals of the old connection may still wait for it
            self.position = self.follower.position
        address = Gio.dbus_address_get_for_bus_sync(Gio.BusType.SYSTEM)
        flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
                 | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
        self.bus = Gio.DBusConnection.new_for_address_sync(address, flags)
        self.bus.set_exit_on_close(False)
        self.follower = Follower(self.bus, self.channel, self.event, self.lost, self.instance,
                                 self.position)

    def event(self, name, sequence, time, event_id, data):
        print(f"{sequence} {name} id={event_id} time={time} data={data}", flush=True)

    def lost(self, first, count):
        print(f"lost {count} from {first}", flush=True)

    def instance(self, to_the_end):
        rest = "" if to_the_end else "; more of the one before may be lost"
        print("another instance" + rest, flush=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    session = Session(sys.argv[1])
    session.tend()
    # Behind all signals that have come.
    GLib.timeout_add_seconds(EVERY_SO_OFTEN, session.tend, priority=GLib.PRIORITY_LOW)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
