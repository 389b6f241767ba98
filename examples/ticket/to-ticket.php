#!/usr/bin/php
<?php
// SPDX-License-Identifier: LGPL-2.1-or-later
// Posts the verdict of each ended restore that has a ticket. Run it as
//   idevicetriage hook --on session-ended --timeout 3600 -- /usr/local/bin/to-ticket
// with TICKET_URL and, in the file $CREDENTIALS_DIRECTORY/ticket-token, the token (see ticket.conf).
// hook may give an event twice: both posts then have the same Idempotency-Key. If a session ends a second
// time, with another outcome, the post has another key and the same session.
$event = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
$session = $event['session'] ?? [];
$verdict = $event['verdict'] ?? [];
if (($session['ticket'] ?? '') === '') {
    exit(0);
}
$key = $session['session'] . '-' . $event['record']['sequence'];
$token = trim(file_get_contents(getenv('CREDENTIALS_DIRECTORY') . '/ticket-token'));
$body = json_encode([
    'ticket' => $session['ticket'], 'session' => $session['session'], 'outcome' => $session['outcome'],
    'phase' => $verdict['phase'] ?? null, 'strength' => $verdict['strength'] ?? null,
    'headline' => $verdict['summary'] ?? null,
], JSON_THROW_ON_ERROR);
// A redirected post would give the token to another server.
$context = stream_context_create(['http' => [
    'method' => 'POST', 'content' => $body, 'timeout' => 20, 'ignore_errors' => true, 'follow_location' => 0,
    'header' => ["Authorization: Bearer $token", 'Content-Type: application/json', "Idempotency-Key: $key"],
]]);

// A busy or absent server gets the post again, until hook ends this after its --timeout.
for ($delay = 1;; $delay = min(2 * $delay, 60)) {
    $http_response_header = [];
    @file_get_contents(getenv('TICKET_URL'), false, $context);
    $status = (int) (explode(' ', $http_response_header[0] ?? '')[1] ?? 0);
    if ($status >= 200 && $status < 300) {
        exit(0);
    }
    if ($status > 0 && $status < 500 && $status !== 408 && $status !== 429) {
        fwrite(STDERR, "to-ticket: the server refused $key with status $status\n");
        exit(1);
    }
    sleep($delay);
}
