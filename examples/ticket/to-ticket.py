#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Posts the verdict of each ended restore that has a ticket. Run it as
  idevicetriage hook --on session-ended --timeout 3600 -- /usr/local/bin/to-ticket
with TICKET_URL and, in the file $CREDENTIALS_DIRECTORY/ticket-token, the token (see ticket.conf).
hook may give an event twice: both posts then have the same Idempotency-Key. If a session ends a second
time, with another outcome, the post has another key and the same session."""
import json
import os
import pathlib
import sys
import time
import urllib.error
import urllib.request


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected post would lose its body and give the token to another server."""
    def redirect_request(self, *arguments):
        return None


event = json.load(sys.stdin)
session, verdict = event.get('session', {}), event.get('verdict', {})
if not session.get('ticket'):
    sys.exit(0)
key = f"{session['session']}-{event['record']['sequence']}"
token = pathlib.Path(os.environ['CREDENTIALS_DIRECTORY'], 'ticket-token').read_text().strip()
body = {'ticket': session['ticket'], 'session': session['session'], 'outcome': session['outcome'],
        'phase': verdict.get('phase'), 'strength': verdict.get('strength'), 'headline': verdict.get('summary')}
request = urllib.request.Request(os.environ['TICKET_URL'], json.dumps(body).encode(), {
    'Authorization': f'Bearer {token}', 'Content-Type': 'application/json', 'Idempotency-Key': key})

# A busy or absent server gets the post again, until hook ends this after its --timeout.
delay = 1
while True:
    try:
        urllib.request.build_opener(NoRedirect).open(request, timeout=20).close()
        sys.exit(0)
    except urllib.error.HTTPError as error:
        if error.code not in (408, 429) and error.code < 500:
            sys.exit(f'to-ticket: the server refused {key} with status {error.code}')
    except OSError as error:
        print(f'to-ticket: {error}', file=sys.stderr)
    time.sleep(delay)
    delay = min(2 * delay, 60)
