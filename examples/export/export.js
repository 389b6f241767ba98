#!/usr/bin/node
// SPDX-License-Identifier: LGPL-2.1-or-later
// Exports each ended restore into this folder, unless its file is there. For example:
//   export.js /var/backups/idevicetriage
// The files have customers' identifiers (export --mask omits them), and purge does not delete them.
// The exit status is 1 if a restore could not be exported; the next start tries it again.
const { execFileSync, spawnSync } = require('node:child_process');
const { existsSync, mkdirSync } = require('node:fs');

const folder = process.argv[2];
mkdirSync(folder, { mode: 0o700, recursive: true });
const list = execFileSync('idevicetriage', ['--json', 'sessions'], { maxBuffer: Infinity });
for (const { session, outcome } of JSON.parse(list).sessions) {
    const path = `${folder}/${session}.json`;
    // The file is written as a whole or not at all.
    if (outcome !== 'running' && !existsSync(path)
            && spawnSync('idevicetriage', ['export', session, '-o', path], { stdio: 'inherit' }).status !== 0)
        process.exitCode = 1;
}
