#!/usr/bin/node
// SPDX-License-Identifier: LGPL-2.1-or-later
// Restores the phones at these ports, one after the other, and stops when a port is suspect. For example:
//   batch.js firmware.ipsw 1-2.1 1-2.2 1-2.3
// As written, each restore is an Update. The exit status is 1 if it stopped early.
const { spawnSync } = require('node:child_process');

// The exit status of `run` is that of the restore tool: the verdict says more.
function triage(...parameters) {
    const { stdout } = spawnSync('idevicetriage', parameters,
        { encoding: 'utf8', stdio: ['inherit', 'pipe', 'inherit'], maxBuffer: Infinity });
    return JSON.parse(stdout || '{}');
}

function stop(why) {
    console.error(`batch: stopped${why}`);
    process.exit(1);
}

const [firmware, ...ports] = process.argv.slice(2);
for (const port of ports) {
    const phone = (triage('--json', 'status').devices ?? []).find(
        (device) => device.port === port && device.mode !== 'gone' && device.ecid);
    if (!phone) {
        console.error(`batch: no phone with a known ECID at ${port}`);
        continue;
    }
    const { verdict } = triage('run', '--json', '--port', port, '--', 'idevicerestore', '-i', phone.ecid, firmware);
    if (!verdict)
        stop(` at ${port}: no verdict`);
    console.log(`${port}: ${verdict.summary}`);
    const [first] = verdict.causes;
    if (first?.cause === 'port-hub' && ['moderate', 'strong', 'conclusive'].includes(first.strength))
        stop(`: check port ${port} before the next phone`);
}
