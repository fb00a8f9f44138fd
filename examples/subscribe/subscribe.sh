#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Run a command for each event of a channel: this one prints the event. Needs no
# root, only membership of group drvbus. Events that the bus drops are not noticed.
#
# usage: subscribe.sh CHANNEL

set -eu

[ $# -eq 1 ] || { echo "usage: subscribe.sh CHANNEL" >&2; exit 1; }

# Find the object by its property Name, because the name is escaped in its path.
path=$(busctl --list tree org.drvbus1 | while read -r object; do
	name=$(busctl get-property org.drvbus1 "$object" org.drvbus1.Channel Name 2>/dev/null) || continue
	if [ "$name" = "s \"$1\"" ]; then
		echo "$object"
		break
	fi
done)
[ -n "$path" ] || { echo "subscribe.sh: no channel has the name $1" >&2; exit 1; }

gdbus monitor --system --dest org.drvbus1 --object-path "$path" |
	while read -r line; do
		case $line in
		*org.drvbus1.Channel.Event*) echo "event: ${line#*Event }" ;;
		*org.drvbus1.Channel.Lost*) echo "lost: ${line#*Lost }" ;;
		*"is owned by"*) echo "subscribed" ;;
		esac
	done
