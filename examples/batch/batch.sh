#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Restores the phones at these ports, one after the other, and stops when a port is suspect. Needs jq. For example:
#   batch.sh firmware.ipsw 1-2.1 1-2.2 1-2.3
# As written, each restore is an Update. The exit status is 1 if it stopped early.
set -eu
firmware=$1
shift
for port; do
	ecid=$(idevicetriage --json status |
		jq -r --arg port "$port" '.devices[] | select(.port == $port and .mode != "gone") | .ecid // empty')
	if [ -z "$ecid" ]; then
		echo "batch: no phone with a known ECID at $port" >&2
		continue
	fi
	# The exit status is that of the restore tool: the verdict says more.
	result=$(idevicetriage run --json --port "$port" -- idevicerestore -i "$ecid" "$firmware") || true
	if [ "$(printf %s "$result" | jq 'has("verdict")')" != true ]; then
		echo "batch: stopped at $port: no verdict" >&2
		exit 1
	fi
	headline=$(printf %s "$result" | jq -r .verdict.summary)
	printf '%s: %s\n' "$port" "$headline"
	if printf %s "$result" | jq -e '.verdict.causes[0] |
			.cause == "port-hub" and (.strength | IN("moderate", "strong", "conclusive"))' >/dev/null; then
		echo "batch: stopped: check port $port before the next phone" >&2
		exit 1
	fi
done
