#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Do something at each event of a channel: here, print it. The user must be root or
# a member of group drvbus.
#
# usage: subscribe.sh CHANNEL

set -eu

[ $# -eq 1 ] || { echo "usage: subscribe.sh CHANNEL" >&2; exit 1; }

# The path contains the name in an encoded form, so compare the property Name.
path=$(busctl --list tree org.drvbus1 | while read -r object; do
	name=$(busctl get-property org.drvbus1 "$object" org.drvbus1.Channel Name 2>/dev/null) || continue
	if [ "$name" = "s \"$1\"" ]; then
		echo "$object"
		break
	fi
done)
[ -n "$path" ] || { echo "no channel has the name $1" >&2; exit 1; }

gdbus monitor --system --dest org.drvbus1 --object-path "$path" |
	while read -r line; do
		case $line in
		*org.drvbus1.Channel.Event*) echo "event: ${line#*Event }" ;;
		*org.drvbus1.Channel.Lost*) echo "lost: ${line#*Lost }" ;;
		*"is owned by"*) echo "subscribed" ;;
		esac
	done
