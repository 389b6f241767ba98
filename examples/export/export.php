#!/usr/bin/php
<?php
// SPDX-License-Identifier: LGPL-2.1-or-later
// Exports each ended restore into this folder, unless its file is there. For example:
//   export.php /var/backups/idevicetriage
// The files have customers' identifiers (export --mask omits them), and purge does not delete them.
// The exit status is 1 if a restore could not be exported; the next start tries it again.

// Gives the exit status and the output. A list of arguments needs no shell.
function triage(string ...$arguments): array
{
    $process = proc_open(['idevicetriage', ...$arguments], [STDIN, ['pipe', 'w'], STDERR], $pipes);
    $output = stream_get_contents($pipes[1]);
    return [proc_close($process), $output];
}

$folder = $argv[1];
if (!is_dir($folder)) {
    mkdir($folder, 0700, true);
}
[$status, $list] = triage('--json', 'sessions');
if ($status !== 0) {
    exit(1);
}
$failed = 0;
foreach (json_decode($list, true, 512, JSON_THROW_ON_ERROR)['sessions'] as $session) {
    $path = "$folder/{$session['session']}.json";
    if ($session['outcome'] !== 'running' && !file_exists($path)) {
        // The file is written as a whole or not at all.
        [$status] = triage('export', $session['session'], '-o', $path);
        $failed |= $status !== 0;
    }
}
exit($failed);
