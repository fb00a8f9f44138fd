# SPDX-License-Identifier: LGPL-2.1-or-later
"""Receiving every event of a channel once and in order."""

import dataclasses
import typing

from gi.repository import Gio, GLib

from .names import CHANNEL_INTERFACE, SERVICE_NAME, channel_path, get_property


class Position(typing.NamedTuple):
    """Position of a subscriber in a channel: the event that it expects next.

    A program can store it and pass it to a later Follower, which then continues with
    this event.
    """

    instance: int = 0  # property Instance of the channel; 0 if not known yet
    next: int = 1  # sequence of the next event to deliver
    time: int = 0  # of the last delivered event: ns, CLOCK_MONOTONIC; 0 if there is none


@dataclasses.dataclass
class Handlers:
    """Functions of the subscriber, called in the order of the sequences.

    They run in the thread of the main loop. They must not call catch_up() or
    close(), and must not raise.
    """

    # event(name, sequence, time, id, data): one event. `time` is CLOCK_MONOTONIC in ns:
    # when the driver emitted it, or when the daemon read it if the device gives no
    # time; 0 if it is not known. `data` is a dict of fields, or a
    # list of int.
    event: typing.Callable
    # lost(first, count): the `count` events from sequence `first` on are lost: they cannot
    # be requested any more. `count` is 0 if the device lost events without saying how many:
    # they have the one sequence `first` together. If the signal Lost was not received, this
    # is reported as one lost event.
    lost: typing.Callable = lambda first, count: None
    # replaced(complete): the channel has a new instance, its sequences begin at 1 again.
    # If `complete`, each event of the old instance was delivered or reported as lost.
    # If not, more of them may be missing, and their number is not known.
    replaced: typing.Callable = lambda complete: None


@dataclasses.dataclass
class Counters:
    """What a follower has done."""

    signals: int = 0  # received signals Event
    repeats: int = 0  # signals Event that were received more than once
    fetched: int = 0  # events in replies of GetEvents

    def __add__(self, other):
        return Counters(self.signals + other.signals, self.repeats + other.repeats,
                        self.fetched + other.fetched)


class EventList(typing.NamedTuple):
    """Reply of GetEvents. Each event is a tuple (name, sequence, time, id, data)."""

    events: list
    next: int  # sequence to ask for next
    more: bool  # events from `next` on exist already
    instance: int


class Follower:
    """The algorithm of a catch-up subscriber, without I/O.

    Delivers an event that has the expected sequence, ignores repetitions, and calls
    GetEvents after a gap, or if the event may belong to a new instance.
    docs/reliability.md describes it step by step. A derived class passes the
    signals and replies to the handle_ methods, and makes the calls. The C++ class of
    the same name works alike.
    """

    def __init__(self, handlers, position=Position()):
        self.handlers = handlers
        self.counters = Counters()
        self._instance, self._next, self._time = position
        self._last_signal = 0  # highest sequence of a signal of this instance
        self._busy = False  # the service refused the last call: do not call it for each signal
        self._must_catch_up = True  # events before the next signal may be missing
        self._switching = False  # a new instance exists, signals of the old one may still arrive
        self._new_instance = 0  # while _switching
        self._new_instance_begin = None  # earliest known time of one of its events
        self._pending_bus_calls = 0

    @property
    def position(self):
        """While a handler runs, it is already after the event or loss that the handler gets."""
        return Position(self._instance, self._next, self._time)

    # To be implemented by a derived class.

    def get_events(self, since):
        """Call GetEvents(since, 0) and return an EventList. Raises GLib.Error."""
        raise NotImplementedError

    def get_previous(self):
        """Return the property Previous, (instance, next). Raises GLib.Error."""
        raise NotImplementedError

    def call_bus(self):
        """Start an asynchronous call of any method of the bus itself.

        Its reply, which is passed to handle_bus_reply(), arrives after all signals
        that the bus had sent to this connection before.
        """
        raise NotImplementedError

    def catch_up(self):
        """Request all events that are not delivered yet and deliver them.

        Call it after subscribing, and then at intervals: if the bus drops the last
        signal of a channel, no later signal shows the gap. Call it only when all
        received signals have been processed. Further signals accumulate during the
        call, and the bus drops signals if there are too many.

        If the channel has a new instance, this function returns before its events are
        delivered: the handler `replaced` is called later, from the main loop, and the
        events of the new instance follow.

        Blocks until the service has replied. Raises GLib.Error if it does not reply or
        refuses; call again later.
        """
        self._busy = False
        more = True
        while more:
            reply = self._get_events_from_position()
            if self._instance not in (0, reply.instance):
                self._prepare_switch(reply)
                return
            self._instance = reply.instance
            before = self._next
            self.counters.fetched += len(reply.events)
            for event in reply.events:
                self._deliver(event)
            self._skip_to(reply.next)
            # A restarted daemon may not have reached this position yet: it then returns
            # no new event.
            more = reply.more and self._next > before
        self._must_catch_up = False

    def handle_event(self, event):
        """To be called for each signal Event, with its arguments as a tuple."""
        _name, sequence, time, _id, _data = event
        self.counters.signals += 1
        repeated = sequence <= self._last_signal
        self._last_signal = max(self._last_signal, sequence)
        # A smaller sequence with a later time belongs to a new instance. An event without
        # a time may belong to one.
        if sequence < self._next and 0 < time <= self._time:
            # If not repeated: GetEvents returned it before its signal arrived.
            self.counters.repeats += repeated
            return
        # Sequence 1 is always checked: it may belong to a new instance.
        if 1 < sequence == self._next and not self._must_catch_up:
            self._deliver(event)
            return
        self._must_catch_up = True
        if not self._switching or self._new_instance_begin is None:
            self._try_to_catch_up()
        if not self._switching:
            return
        begin = self._new_instance_begin
        if (begin is not None and begin <= time) or (sequence < self._next and time > self._time):
            self._switch_instance()
        else:
            self._deliver(event)

    def handle_lost(self, first, count):
        """To be called for each signal Lost, with its arguments.

        Reports the loss if it follows the last delivered event. Otherwise calls
        GetEvents, as handle_event() does.
        """
        if 1 < first == self._next and (self._switching or not self._must_catch_up):
            self._next = first + max(count, 1)
            self.handlers.lost(first, count)
        elif not self._switching:
            self._must_catch_up = True
            self._try_to_catch_up()

    def handle_bus_reply(self, success):
        """To be called once for each call_bus(), when its reply or error arrived."""
        self._pending_bus_calls -= 1
        if self._pending_bus_calls > 0 or not self._switching:
            return
        if success:
            self._switch_instance()
        else:
            self._switching = False  # the next GetEvents detects the new instance again

    def _try_to_catch_up(self):
        if self._busy:
            return
        try:
            self.catch_up()
        except GLib.Error as error:
            # _must_catch_up is still set: no event is delivered out of order
            self._busy = Gio.DBusError.get_remote_error(error) == "org.drvbus1.Error.Busy"

    def _get_events_from_position(self):
        try:
            return self.get_events(self._next)
        except GLib.Error as error:
            if Gio.DBusError.get_remote_error(error) != "org.drvbus1.Error.OutOfRange":
                raise
            return self.get_events(1)  # the instance in the reply shows whether it is a new one

    def _prepare_switch(self, reply):
        """To be called when a reply shows that the channel has a new instance.

        Signals of the old instance may already wait in this process, because a blocking
        call processes its reply before them. They must be delivered first. The reply to
        call_bus() arrives after them, and _switch_instance() is called then.
        """
        if not self._switching:
            self.call_bus()
            self._pending_bus_calls += 1
            self._must_catch_up = self._switching = True
            self._new_instance_begin = None
        self._new_instance = reply.instance
        if reply.events and reply.events[0][2] != 0:
            begin = reply.events[0][2]
            self._new_instance_begin = min(self._new_instance_begin or begin, begin)

    def _switch_instance(self):
        """End the old instance and continue at the first event of the new one."""
        self._switching = False
        try:
            instance, next_sequence = self.get_previous()
        except GLib.Error:
            return  # the next GetEvents detects the new instance again
        complete = instance == self._instance
        if complete:
            # The bus dropped these events, and the ring that held them was removed.
            self._skip_to(next_sequence)
        self._last_signal = 0
        self._instance, self._next, self._time = self._new_instance, 1, 0
        self.handlers.replaced(complete)
        self._try_to_catch_up()

    def _deliver(self, event):
        """Report missing events before this one as lost, then deliver it.

        Ignores an event before the position.
        """
        _name, sequence, time, _id, _data = event
        if sequence < self._next:
            return
        self._skip_to(sequence)
        self._next, self._time = sequence + 1, time
        self.handlers.event(*event)

    def _skip_to(self, next_sequence):
        """Move the position forward and report the events in between as lost."""
        if next_sequence > self._next:
            first, self._next = self._next, next_sequence
            self.handlers.lost(first, next_sequence - first)


class ChannelFollower(Follower):
    """Follows one channel on a Gio.DBusConnection.

    The channel and the service may be absent at any time. Call catch_up() after
    constructing it. Signals arrive in the thread-default main
    context of the thread that constructed it.
    """

    def __init__(self, bus, channel, handlers, position=Position()):
        super().__init__(handlers, position)
        self._bus = bus
        self._path = channel_path(channel)
        self._subscription = bus.signal_subscribe(
            SERVICE_NAME, CHANNEL_INTERFACE, None, self._path, None,
            Gio.DBusSignalFlags.NONE, self._on_signal)

    def close(self):
        """Unsubscribe. No handler is called after that."""
        self._bus.signal_unsubscribe(self._subscription)
        self._bus = None

    def get_events(self, since):
        events, next_sequence, more, _lost, instance = self._bus.call_sync(
            SERVICE_NAME, self._path, CHANNEL_INTERFACE, "GetEvents",
            GLib.Variant("(tu)", (since, 0)), GLib.VariantType("(a(sttuv)tbtt)"),
            Gio.DBusCallFlags.NONE, -1).unpack()
        return EventList(events, next_sequence, more, instance)

    def get_previous(self):
        return get_property(self._bus, self._path, CHANNEL_INTERFACE, "Previous")

    def call_bus(self):
        self._bus.call(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId",
            None, None, Gio.DBusCallFlags.NONE, -1, None, self._on_bus_reply)

    def _on_bus_reply(self, bus, result):
        try:
            bus.call_finish(result)
            success = True
        except GLib.Error:
            success = False
        if self._bus is not None:
            self.handle_bus_reply(success)

    def _on_signal(self, _bus, _sender, _path, _interface, signal, arguments):
        if self._bus is None:
            return
        if signal == "Event":
            self.handle_event(arguments.unpack())
        elif signal == "Lost":
            self.handle_lost(*arguments.unpack())
