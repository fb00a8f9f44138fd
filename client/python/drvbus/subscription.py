# SPDX-License-Identifier: LGPL-2.1-or-later
"""Receiving every event of a channel once and in order, across reconnections."""

from gi.repository import Gio, GLib

from .follower import ChannelFollower, Counters, Position


class Subscription:
    """A catch-up subscriber of one channel.

    Connects to the bus, subscribes, and catches up at intervals. When the bus has
    closed the connection, it connects again and continues at its position. The
    channel, the service and the bus may be absent at any time.

    Runs in the default GLib main context: construct and close it in the thread that
    runs its loop. Each attempt to catch up blocks the loop until the service has
    replied.
    """

    def __init__(self, channel, handlers, position=Position(), bus_type=Gio.BusType.SYSTEM,
                 interval=1000, caught_up=lambda: None, failed=lambda error: None):
        """Start with the next iteration of the loop.

        channel    name of the channel
        handlers   Handlers
        position   where to begin
        bus_type   bus to connect to, a Gio.BusType
        interval   milliseconds between two attempts to connect and to catch up
        caught_up  called after a successful attempt: all events were delivered, or
                   there is a new instance and the call of handlers.replaced follows
        failed     called with the GLib.Error of an attempt that failed; the next one
                   follows
        The rules of Handlers apply to caught_up and failed as well.
        """
        self._channel, self._handlers, self._position = channel, handlers, position
        self._bus_type, self._interval = bus_type, interval
        self._caught_up, self._failed = caught_up, failed
        self._bus = self._follower = None
        self._counters = Counters()  # of the connections before this one
        # The timer runs only when no signal waits, as catch_up() requires.
        self._timer = GLib.timeout_add(0, self._on_first_timer, priority=GLib.PRIORITY_LOW)

    @property
    def position(self):
        return self._follower.position if self._follower else self._position

    @property
    def counters(self):
        """Of all connections so far."""
        return self._counters + self._follower.counters if self._follower else self._counters

    def close(self):
        """End the subscription. No handler is called after that."""
        GLib.source_remove(self._timer)
        self._disconnect()

    def _on_first_timer(self):
        self._timer = GLib.timeout_add(self._interval, self._on_timer, priority=GLib.PRIORITY_LOW)
        self._attempt()
        return GLib.SOURCE_REMOVE

    def _on_timer(self):
        self._attempt()
        return GLib.SOURCE_CONTINUE

    def _attempt(self):
        try:
            if self._bus is not None and self._bus.is_closed():
                self._disconnect()
            if self._follower is None:
                self._connect()
            self._follower.catch_up()
        except GLib.Error as error:
            self._failed(error)
            return
        self._caught_up()

    def _connect(self):
        # Not the shared connection of GLib: GLib does not replace it when it was closed.
        address = Gio.dbus_address_get_for_bus_sync(self._bus_type)
        flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
                 | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
        self._bus = Gio.DBusConnection.new_for_address_sync(address, flags)
        self._bus.set_exit_on_close(False)
        self._follower = ChannelFollower(self._bus, self._channel, self._handlers, self._position)

    def _disconnect(self):
        if self._follower is not None:
            self._position, self._counters = self.position, self.counters
            self._follower.close()
        self._follower = self._bus = None
