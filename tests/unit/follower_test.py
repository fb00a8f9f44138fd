#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The algorithm of a catch-up subscriber in Python, with a simulated channel.

follower_test.cpp tests the C++ class alike.
"""

import unittest

from gi.repository import Gio, GLib

import drvbus


def dbus_error(name):
    return Gio.DBusError.new_for_dbus_error(name, "simulated")


class SimulatedFollower(drvbus.Follower):
    """A follower of a channel that the test describes. Records the calls of its handlers as words."""

    def __init__(self, *position):
        self.calls = []
        super().__init__(drvbus.Handlers(
            event=lambda name, sequence, time, event_id, data: self.calls.append(str(sequence)),
            lost=lambda first, count: self.calls.append(f"lost {count} from {first}"),
            replaced=lambda complete: self.calls.append(
                "replaced" if complete else "replaced, incomplete")),
            drvbus.Position(*position))
        self.instance = 7
        self.oldest = 1  # first event that the channel holds
        self.next = 1  # after the last event that the channel holds
        self.page = 3  # maximum number of events in a reply
        self.unreachable = False  # all calls of the service fail
        self.unavailable = False  # GetEvents fails, properties can be read
        self.busy = False  # the service refuses GetEvents
        self.get_events_calls = 0
        self.bus_calls = 0
        self.previous = None  # if not set, the old instance ended at the follower's position
        self.without_time = False  # events have no time

    def make_event(self, sender, sequence):
        """Later instances have later times."""
        return "", sequence, 0 if self.without_time else sender * 1000 + sequence, 0, []

    def receive_of(self, sender, *sequences):
        """Receive signals Event that an earlier instance sent."""
        for sequence in sequences:
            self.handle_event(self.make_event(sender, sequence))

    def receive(self, *sequences):
        self.receive_of(self.instance, *sequences)

    def publish(self, first, last):
        """Publish the events `first` to `last`, and receive each signal right after."""
        for sequence in range(first, last + 1):
            self.next = sequence + 1
            self.receive(sequence)

    def call_bus(self):
        self.bus_calls += 1

    def get_previous(self):
        if self.unreachable:
            raise dbus_error("org.freedesktop.DBus.Error.ServiceUnknown")
        return self.previous or self.position[:2]

    def get_events(self, since):
        self.get_events_calls += 1
        if self.unreachable or self.unavailable:
            raise dbus_error("org.freedesktop.DBus.Error.ServiceUnknown")
        if self.busy:
            raise dbus_error("org.drvbus1.Error.Busy")
        if since > self.next:
            raise dbus_error("org.drvbus1.Error.OutOfRange")
        first = max(since, self.oldest)
        end = max(first, min(self.next, first + self.page))
        events = [self.make_event(self.instance, sequence) for sequence in range(first, end)]
        return drvbus.EventList(events, end, end < self.next, self.instance)


def caught_up(next_sequence=1, *position):
    follower = SimulatedFollower(*position)
    follower.next = next_sequence
    follower.catch_up()
    return follower


def replaced():
    """One that received three events of instance 7. Instance 8, with one event, has replaced it unnoticed."""
    follower = caught_up(4, 7, 4, 7003)
    follower.instance, follower.next = 8, 2
    return follower


class FollowerTest(unittest.TestCase):
    def expect(self, follower, *calls):
        self.assertEqual(follower.calls, [str(call) for call in calls])

    def test_expected_events_are_delivered_without_a_call(self):
        follower = caught_up()
        follower.publish(1, 3)
        self.expect(follower, 1, 2, 3)
        self.assertEqual(follower.get_events_calls, 2)  # only sequence 1 causes a call
        self.assertEqual(follower.position, (7, 4, 7003))

    def test_late_subscriber_receives_past_and_lost_events(self):
        follower = SimulatedFollower()
        follower.oldest, follower.next = 4, 9
        follower.catch_up()
        self.expect(follower, "lost 3 from 1", 4, 5, 6, 7, 8)

    def test_repeated_events_are_dropped_without_a_call(self):
        follower = caught_up(7)
        follower.get_events_calls = 0
        follower.receive(3, 4, 5, 6)
        self.assertEqual(follower.counters.repeats, 0)  # GetEvents returned them before
        follower.receive(1, 2, 3, 4, 5, 6)
        self.assertEqual(follower.get_events_calls, 0)
        self.assertEqual(follower.counters, drvbus.Counters(signals=10, repeats=6, fetched=6))
        follower.publish(7, 7)
        self.expect(follower, *range(1, 8))

    def test_channel_before_the_position_is_asked_once(self):
        follower = SimulatedFollower()
        follower.page, follower.next = 10, 7
        follower.catch_up()
        # The daemon of a stream was killed, and will publish 5 and 6 again.
        follower.next, follower.page, follower.get_events_calls = 5, 3, 0
        follower.catch_up()
        self.assertEqual(follower.get_events_calls, 2)
        follower.next = 8
        follower.receive(5, 6, 7)
        self.expect(follower, *range(1, 8))

    def test_expected_event_is_delivered_while_the_service_is_unreachable(self):
        follower = caught_up(3)
        follower.unreachable = True
        self.assertRaises(GLib.Error, follower.catch_up)
        follower.receive(3)
        self.expect(follower, 1, 2, 3)

    def test_busy_service_is_called_again_only_by_catch_up(self):
        follower = caught_up(3)
        follower.get_events_calls, follower.busy, follower.next = 0, True, 7
        follower.receive(4, 5, 6)  # the bus dropped 3
        self.assertEqual(follower.get_events_calls, 1)  # each signal does not call the service
        self.assertRaises(GLib.Error, follower.catch_up)
        follower.busy = False
        follower.catch_up()
        follower.publish(7, 7)
        self.expect(follower, *range(1, 8))

    def test_gap_is_filled_before_the_event_after_it(self):
        follower = caught_up()
        follower.next = 6
        follower.receive(5)  # the bus dropped 1 to 4
        follower.publish(6, 6)
        self.expect(follower, 1, 2, 3, 4, 5, 6)

    def test_gap_delays_events_until_the_service_replies(self):
        follower = caught_up()
        follower.unreachable = True
        follower.receive(3, 4)
        self.expect(follower)
        follower.unreachable = False
        follower.next = 6
        follower.receive(5)
        self.expect(follower, 1, 2, 3, 4, 5)

    def test_loss_is_reported_in_order_and_once(self):
        follower = caught_up()
        follower.publish(1, 1)
        follower.handle_lost(2, 8)
        follower.receive(10)
        follower.handle_lost(2, 8)  # a restarted daemon repeats it
        self.expect(follower, 1, "lost 8 from 2", 10)

    def test_new_instance_is_detected_by_its_first_event(self):
        follower = caught_up(4)
        follower.receive(3)
        follower.instance = 8
        follower.publish(1, 2)
        self.expect(follower, 1, 2, 3, "replaced", 1, 2)
        self.assertEqual(follower.position, (8, 3, 8002))

    def test_signals_of_the_old_instance_are_delivered_before_the_switch(self):
        follower = caught_up(4)
        # 4 and 5 are in the queue of this connection when the reply shows the new instance.
        follower.instance, follower.next = 8, 2
        follower.catch_up()
        follower.receive_of(7, 4, 5)
        follower.receive(1)
        follower.handle_bus_reply(True)
        self.expect(follower, 1, 2, 3, 4, 5, "replaced", 1)

    def test_catch_up_during_a_switch_keeps_the_old_instance(self):
        follower = caught_up(6, 7, 6, 7005)
        follower.instance, follower.next, follower.page = 8, 8, 10
        follower.catch_up()
        follower.receive_of(7, 6)
        follower.catch_up()
        follower.receive_of(7, 7, 8)
        self.assertEqual(follower.bus_calls, 1)
        follower.handle_bus_reply(True)
        follower.receive(*range(1, 8))
        follower.publish(8, 8)
        self.expect(follower, 6, 7, 8, "replaced", *range(1, 9))

    def test_repeated_events_of_the_old_instance_do_not_switch(self):
        follower = caught_up(4, 7, 4, 7003)
        follower.instance, follower.next = 8, 1
        follower.catch_up()
        # The waiting signals are repetitions from the first event on, still of the old instance.
        follower.receive_of(7, 1, 2, 3, 4, 5)
        follower.publish(1, 7)
        follower.handle_bus_reply(True)
        self.expect(follower, 4, 5, "replaced", *range(1, 8))

    def test_losses_of_the_old_instance_are_reported_before_the_switch(self):
        follower = replaced()
        follower.catch_up()
        follower.handle_lost(4, 2)
        follower.receive_of(7, 6, 8)  # the bus dropped 7, which no longer exists
        follower.handle_lost(1, 5)
        follower.handle_bus_reply(True)
        self.expect(follower, "lost 2 from 4", 6, "lost 1 from 7", 8, "replaced", 1)

    def test_events_up_to_previous_are_reported_as_lost(self):
        follower = replaced()
        follower.previous = 7, 10
        follower.catch_up()
        follower.receive_of(7, 4)
        follower.handle_bus_reply(True)
        self.expect(follower, 4, "lost 5 from 5", "replaced", 1)

    def test_previous_of_another_instance_is_reported_as_incomplete(self):
        follower = replaced()
        follower.previous = 6, 10  # where 7 ended is not known
        follower.receive(1)
        self.expect(follower, "replaced, incomplete", 1)

    def test_instance_without_delivered_events_is_reported_as_lost(self):
        follower = caught_up(4, 7, 4, 7003)
        follower.instance, follower.next = 8, 3
        follower.catch_up()
        follower.unavailable = True  # instance 8 is removed before its events can be requested
        follower.handle_bus_reply(True)
        self.expect(follower, "replaced")
        follower.unavailable = False
        follower.instance, follower.next, follower.previous = 9, 2, (8, 3)
        follower.catch_up()
        follower.handle_bus_reply(True)
        self.expect(follower, "replaced", "lost 2 from 1", "replaced", 1)

    def test_switch_waits_until_previous_can_be_read(self):
        follower = replaced()
        follower.previous = 7, 6
        follower.catch_up()
        follower.unreachable = True
        follower.handle_bus_reply(True)
        self.expect(follower)
        follower.unreachable = False
        follower.catch_up()
        self.assertEqual(follower.bus_calls, 2)
        follower.handle_bus_reply(True)
        self.expect(follower, "lost 2 from 4", "replaced", 1)

    def test_events_of_an_instance_that_was_replaced_meanwhile_are_delivered(self):
        follower = caught_up()
        follower.instance, follower.next = 8, 2
        follower.receive_of(7, 1, 2)
        follower.receive(1)
        self.expect(follower, 1, 2, "replaced", 1)

    def test_events_without_time_switch_at_the_reply_of_the_bus(self):
        follower = SimulatedFollower(7, 4)
        follower.without_time, follower.next = True, 4
        follower.catch_up()
        follower.instance, follower.next = 8, 2
        follower.catch_up()
        follower.receive(4, 5)
        follower.handle_bus_reply(True)
        follower.receive(1)
        self.expect(follower, 4, 5, "replaced", 1)

    def test_each_replacement_calls_the_bus(self):
        follower = replaced()
        follower.receive(1)  # the bus has not replied to the first call yet
        follower.instance, follower.next = 9, 1
        follower.catch_up()
        self.assertEqual(follower.bus_calls, 2)
        follower.handle_bus_reply(True)
        follower.receive_of(8, 2)
        follower.handle_bus_reply(True)
        self.expect(follower, "replaced", 1, 2, "replaced")

    def test_failed_call_of_the_bus_is_repeated(self):
        follower = caught_up(4, 7, 4, 7003)
        follower.instance = 8
        follower.catch_up()
        follower.handle_bus_reply(False)
        follower.receive_of(7, 4)
        self.assertEqual(follower.bus_calls, 2)
        follower.handle_bus_reply(True)
        self.expect(follower, 4, "replaced", 1, 2, 3)

    def test_replacement_of_a_channel_without_events_is_reported(self):
        follower = caught_up()
        follower.instance = 8
        follower.publish(1, 2)
        follower.catch_up()
        self.expect(follower, "replaced", 1, 2)

    def test_loss_of_a_new_instance_is_reported_after_the_switch(self):
        follower = caught_up(4)
        follower.instance, follower.oldest, follower.next = 8, 6, 7
        follower.handle_lost(1, 5)
        follower.receive(6)
        self.expect(follower, 1, 2, 3, "replaced", "lost 5 from 1", 6)

    def test_new_instance_without_events_is_reported(self):
        follower = caught_up(4)
        follower.instance, follower.next = 8, 1
        follower.catch_up()
        follower.handle_bus_reply(True)
        self.expect(follower, 1, 2, 3, "replaced")
        self.assertEqual(follower.position, (8, 1, 0))

    def test_new_instance_beyond_the_position_is_detected(self):
        follower = caught_up(4)
        follower.instance, follower.next = 8, 9
        follower.receive(8)
        self.expect(follower, 1, 2, 3, "replaced", *range(1, 9))

    def test_saved_position_is_continued(self):
        self.expect(caught_up(7, 7, 5), 5, 6)


class ChannelPathTest(unittest.TestCase):
    def test_path_is_escaped_as_by_systemd(self):
        for name, escaped in (("thermo", "thermo"), ("a-b_c", "a_2db_5fc"), ("1st2", "_31st2"), ("", "_"),
                              ("\u00e9", "_c3_a9")):
            self.assertEqual(drvbus.channel_path(name), "/org/drvbus1/channel/" + escaped)


if __name__ == "__main__":
    unittest.main()
