#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Posts the verdict of each ended restore that has a ticket. Needs curl and jq. Run it as
#   idevicetriage hook --on session-ended --timeout 3600 -- /usr/local/bin/to-ticket
# with TICKET_URL and, in the file $CREDENTIALS_DIRECTORY/ticket-token, the token (see ticket.conf).
# hook may give an event twice: both posts then have the same Idempotency-Key. If a session ends a second
# time, with another outcome, the post has another key and the same session.
set -eu
event=$(cat)
key=$(printf %s "$event" | jq -r '"\(.session.session)-\(.record.sequence)"')
body=$(printf %s "$event" | jq -c 'select(.session.ticket) | {
	ticket: .session.ticket, session: .session.session, outcome: .session.outcome,
	phase: .verdict.phase, strength: .verdict.strength, headline: .verdict.summary}')
[ -n "$body" ] || exit 0
token=$(cat "$CREDENTIALS_DIRECTORY/ticket-token")

# The body and the token are no arguments: every user can read those.
post() {
	printf %s "$body" | curl --silent --show-error --max-time 20 --output /dev/null \
		--write-out '%{http_code}' --header @/dev/fd/3 --data-binary @- "$TICKET_URL" 3<<-END
		Authorization: Bearer $token
		Content-Type: application/json
		Idempotency-Key: $key
	END
}

# A busy or absent server gets the post again, until hook ends this after its --timeout.
delay=1
while :; do
	status=$(post) || status=000
	case $status in
	2??) exit 0 ;;
	000 | 408 | 429 | 5??) ;;
	*)
		echo "to-ticket: the server refused $key with status $status" >&2
		exit 1
		;;
	esac
	sleep "$delay"
	[ "$delay" -ge 60 ] || delay=$((delay * 2))
done
