# SPDX-License-Identifier: LGPL-2.1-or-later
"""Client library of drvbus, which publishes events of kernel drivers on D-Bus.

Subscription receives every event of a channel once and in order, in the GLib
main loop of the program. ChannelFollower does so on a connection of the
program. Follower is the algorithm without I/O.

Needs python3-gi. Nothing in this package is thread-safe: use it in the thread
that runs the main loop.
"""

from .follower import ChannelFollower, Counters, EventList, Follower, Handlers, Position
from .names import SERVICE_NAME, channel_path, daemon_version
from .subscription import Subscription
from .version import INTERFACE_VERSION, __version__

__all__ = [
    "ChannelFollower", "Counters", "EventList", "Follower", "Handlers", "INTERFACE_VERSION",
    "Position", "SERVICE_NAME", "Subscription", "__version__", "channel_path", "daemon_version",
]
