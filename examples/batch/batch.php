#!/usr/bin/php
<?php
// SPDX-License-Identifier: LGPL-2.1-or-later
// Restores the phones at these ports, one after the other, and stops when a port is suspect. For example:
//   batch.php firmware.ipsw 1-2.1 1-2.2 1-2.3
// As written, each restore is an Update. The exit status is 1 if it stopped early.

// The exit status of `run` is that of the restore tool: the verdict says more. A list of arguments needs no shell.
function triage(string ...$arguments): array
{
    $process = proc_open(['idevicetriage', ...$arguments], [STDIN, ['pipe', 'w'], STDERR], $pipes);
    $output = stream_get_contents($pipes[1]);
    proc_close($process);
    return $output === '' ? [] : json_decode($output, true, 512, JSON_THROW_ON_ERROR);
}

function stop(string $why): never
{
    fwrite(STDERR, "batch: stopped$why\n");
    exit(1);
}

$firmware = $argv[1];
foreach (array_slice($argv, 2) as $port) {
    $phones = array_filter(triage('--json', 'status')['devices'] ?? [], fn ($device) =>
        ($device['port'] ?? '') === $port && $device['mode'] !== 'gone' && isset($device['ecid']));
    if (!$phones) {
        fwrite(STDERR, "batch: no phone with a known ECID at $port\n");
        continue;
    }
    $ecid = reset($phones)['ecid'];
    $result = triage('run', '--json', '--port', $port, '--', 'idevicerestore', '-i', $ecid, $firmware);
    if (!isset($result['verdict'])) {
        stop(" at $port: no verdict");
    }
    echo "$port: {$result['verdict']['summary']}\n";
    $first = $result['verdict']['causes'][0] ?? ['cause' => '', 'strength' => ''];
    if ($first['cause'] === 'port-hub' && in_array($first['strength'], ['moderate', 'strong', 'conclusive'], true)) {
        stop(": check port $port before the next phone");
    }
}
