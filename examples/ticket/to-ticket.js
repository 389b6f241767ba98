#!/usr/bin/node
// SPDX-License-Identifier: LGPL-2.1-or-later
// Posts the verdict of each ended restore that has a ticket. Needs node 18. Run it as
//   idevicetriage hook --on session-ended --timeout 3600 -- /usr/local/bin/to-ticket
// with TICKET_URL and, in the file $CREDENTIALS_DIRECTORY/ticket-token, the token (see ticket.conf).
// hook may give an event twice: both posts then have the same Idempotency-Key. If a session ends a second
// time, with another outcome, the post has another key and the same session.
const { readFileSync } = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');

const { record, session, verdict } = JSON.parse(readFileSync(0, 'utf8'));
if (!session?.ticket)
    process.exit(0);
const key = `${session.session}-${record.sequence}`;
const token = readFileSync(`${process.env.CREDENTIALS_DIRECTORY}/ticket-token`, 'utf8').trim();
const body = JSON.stringify({
    ticket: session.ticket, session: session.session, outcome: session.outcome,
    phase: verdict?.phase, strength: verdict?.strength, headline: verdict?.summary,
});
const headers = { 'Authorization': `Bearer ${token}`, 'Content-Type': 'application/json', 'Idempotency-Key': key };

// A busy or absent server gets the post again, until hook ends this after its --timeout.
(async () => {
    for (let delay = 1; ; delay = Math.min(2 * delay, 60)) {
        try {
            // A redirected post would give the token to another server.
            const { status } = await fetch(process.env.TICKET_URL,
                { method: 'POST', headers, body, redirect: 'manual', signal: AbortSignal.timeout(20000) });
            if (status >= 200 && status < 300)
                process.exit(0);
            if (status < 500 && status !== 408 && status !== 429) {
                console.error(`to-ticket: the server refused ${key} with status ${status}`);
                process.exit(1);
            }
        } catch (error) {
            console.error(`to-ticket: ${error.cause ?? error}`);
        }
        await sleep(1000 * delay);
    }
})();
