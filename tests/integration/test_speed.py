# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the daemon costs, in processor time, which a busy computer changes little. The limits are several times what it
takes: they find what became slow by its kind, not by a fifth. The exact figures: tests/bench/table.py."""
import pathlib
import sys

from daemon import until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'bench'))

import load  # noqa: E402

RING_BYTES = 4 << 20
ATTEMPTS = 1000


def test_a_start_with_a_full_ring(bench):
    """Each record once searched the table of models: 3.5 ms for a thousand records, now a tenth."""
    options = ['--ring-size', str(RING_BYTES)]
    bench.start(*options)
    load.fill_ring(bench, lines=15000)
    bench.stop()
    _, processor_ms = load.start_measured(bench, *options)
    status = bench.call('GetStatus')
    records = status['lastSequence'] - status['firstSequence'] + 1
    assert records > 10000
    assert processor_ms < 20 + 1.5 * records / 1000


def test_an_idle_ring_takes_no_memory(bench):
    bench.start()
    until(lambda: load.ring_kib(bench.process.pid) == 0, what='a ring that takes no memory')
    assert len(bench.call('ReadLog')['records']) > 0


def test_an_import_of_many_attempts(bench):
    """Each attempt once was diagnosed, and 32 other phones with it: 10 ms each. Then each was sent alone, and its records
    after it: 1.7 ms. Now 0.35 ms."""
    bench.start()
    load.write_log(bench.folder / 'big.log', ATTEMPTS, ATTEMPTS)
    before_ms = load.processor_ms(bench.process.pid)
    bench.triage('import', bench.folder / 'big.log')
    assert bench.call('GetStatistics')['attempts'] == ATTEMPTS
    assert load.processor_ms(bench.process.pid) - before_ms < 1.2 * ATTEMPTS
