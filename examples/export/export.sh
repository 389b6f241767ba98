#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Exports each ended restore into this folder, unless its file is there. Needs jq. For example:
#   export.sh /var/backups/idevicetriage
# The files have customers' identifiers (export --mask omits them), and purge does not delete them.
# The exit status is 1 if a restore could not be exported; the next start tries it again.
set -eu
umask 077
folder=$1
mkdir -p "$folder"
list=$(idevicetriage --json sessions)
status=0
for session in $(printf %s "$list" | jq -r '.sessions[] | select(.outcome != "running") | .session'); do
	# The file is written as a whole or not at all.
	[ -e "$folder/$session.json" ] || idevicetriage export "$session" -o "$folder/$session.json" || status=1
done
exit "$status"
