#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sends to each other bench what is new since the last time, and remembers how far it got. Run it on each bench, as root so
# that purges arrive too: exchange.sh FOLDER BENCH...
set -eu

folder=$1
shift
mkdir -p "$folder"
for bench; do
	cursor=$(cat "$folder/$bench" 2>/dev/null || true)
	idevicetriage export --all ${cursor:+--since "$cursor"} >"$folder/$bench.new"
	if ssh "$bench" idevicetriage import - <"$folder/$bench.new"; then
		tail -n 1 "$folder/$bench.new" | jq -r .cursor >"$folder/$bench.cursor"
		mv "$folder/$bench.cursor" "$folder/$bench"
	else
		echo "$bench did not take everything; it gets the same again next time." >&2
	fi
	rm -f "$folder/$bench.new"
done
