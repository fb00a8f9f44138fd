# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of drvbusd on the bus; dbus/org.drvbus1.xml describes them."""

from gi.repository import Gio, GLib

SERVICE_NAME = "org.drvbus1"
MANAGER_PATH = "/org/drvbus1"
MANAGER_INTERFACE = "org.drvbus1.Manager"
CHANNEL_INTERFACE = "org.drvbus1.Channel"


def channel_path(name):
    """Return the object path of the channel `name`, encoded as by sd_bus_path_encode(3).

    The channel need not exist.
    """
    if not name:
        return "/org/drvbus1/channel/_"
    escaped = "".join(
        chr(byte) if chr(byte).isascii() and (chr(byte).isalpha() or chr(byte).isdigit() and i > 0)
        else "_%02x" % byte
        for i, byte in enumerate(name.encode()))
    return "/org/drvbus1/channel/" + escaped


def get_property(bus, path, interface, name):
    """Return the value of a property of drvbusd. Raises GLib.Error."""
    return bus.call_sync(
        SERVICE_NAME, path, "org.freedesktop.DBus.Properties", "Get",
        GLib.Variant("(ss)", (interface, name)), GLib.VariantType("(v)"),
        Gio.DBusCallFlags.NONE, -1).unpack()[0]


def daemon_version(bus):
    """Return the release of the running drvbusd, such as "0.1.0".

    Starts the service if it is not running. Raises GLib.Error if it does not reply.
    """
    return get_property(bus, MANAGER_PATH, MANAGER_INTERFACE, "Version")
