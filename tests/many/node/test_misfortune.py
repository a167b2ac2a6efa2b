"""Processes that die, archives that refuse, ledgers that are broken: what becomes of series then."""

from __future__ import annotations

import pytest

from derive.many.node.entries import NodeInstance
from derive.many.node.ledger import FILE, NodeLedger
from derive.many.node.reception import Reception
from derive.many.node.states import SeriesState
from derive.many.node.store import NodeStore
from derive.pacs.sendable import Sendable
from derive.pacs.service.service import ArchiveService
from tests.helpers.archive_peers import some_series, store
from tests.helpers.asserting import raises_code
from tests.helpers.dimse_peers import archive as entity
from tests.helpers.nodes import node, settled, until

DYING = """
import os
from pathlib import Path

def die(values):
    mark = Path(__file__).with_name("died")
    if not ONCE or not mark.exists():
        mark.touch()
        os._exit(9)
    return values
"""
PLAN = """
[[rule]]
name = "dies"
select = { Modality = "MR" }
steps = ["apply(function='dying:die', code='Smoothing')"]
[[rule]]
name = "smooth"
steps = ["gaussian_blur(sigma_mm=1)"]
"""


@pytest.mark.parametrize(("once", "end"), [(True, "verified"), (False, "quarantined")])
def test_a_process_that_dies_takes_nothing_with_it(once, end, tmp_path, monkeypatch):
    (tmp_path / "dying.py").write_text(DYING.replace("ONCE", str(once)))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with node(tmp_path, str(tmp_path / "to"), plan=PLAN) as running:
        store(running, some_series(1, "MR"))
        store(running, some_series(2))
        until(lambda: running.status().series["verified"] + running.status().series["quarantined"] == 2, running.status)
        status = running.status()
    assert status.series[end] == (2 if once else 1)
    assert [each["code"] for each in status.quarantine] == ([] if once else ["NODE-CRASH"])


def test_an_archive_that_will_not_have_it_is_believed_in_the_end(tmp_path):
    with (
        entity(lambda *_: 0xC000) as refusing,
        node(tmp_path, f"PEER@127.0.0.1:{refusing.port}", retry_seconds=0.05) as running,
    ):
        store(running, some_series(1))
        status = settled(running, quarantined=1)
    assert status.quarantine[0]["code"] == "NODE-NOT-STORED"
    assert status.results == {"quarantined": 1}


def test_an_archive_that_cannot_be_asked_is_sent_to_and_that_is_told(tmp_path):
    with entity() as silent, node(tmp_path, f"PEER@127.0.0.1:{silent.port}", retry_seconds=0.05) as running:
        store(running, some_series(1))
        until(lambda: running.status().retrying == {"NODE-UNVERIFIED": 1}, running.status)
        settled(running, sent=1)
        assert len(silent.stored) == 4


def test_files_that_the_ledger_does_not_know_are_taken_in_and_a_broken_ledger_is_said(tmp_path):
    with ArchiveService(tmp_path / "archive", port=0) as archive:
        to = f"ARCHIVE@127.0.0.1:{archive.port}"
        with node(tmp_path, to, quiet_seconds=3600) as running:
            store(running, some_series(1))
        ledger = tmp_path / "node" / FILE
        ledger.write_bytes(b"no ledger" * 1000)
        with raises_code("NODE-LEDGER"), node(tmp_path, to):
            pass
        for file in ledger.parent.glob(f"{FILE}*"):
            file.unlink()
        with node(tmp_path, to) as running:
            settled(running, verified=1)


def came(number: int) -> NodeInstance:
    return NodeInstance(f"1.2.{number}", "1.1", "1", "1.3", "1.4", f"digest {number}", 10)


def test_what_was_made_of_a_series_before_another_instance_came_is_not_entered(tmp_path):
    ledger = NodeLedger(tmp_path)
    assert not ledger.receive(came(1))
    (before,) = ledger.series(SeriesState.RECEIVED)
    assert not ledger.receive(came(2)), "it was not complete yet"
    assert not ledger.move(before, SeriesState.COMPLETE)
    assert not ledger.derived(before, [], [], None)
    (now,) = ledger.series(SeriesState.RECEIVED)
    assert ledger.move(now, SeriesState.COMPLETE)
    assert ledger.receive(came(3)), "it was complete"
    assert [s.version for s in ledger.series(SeriesState.RECEIVED)] == [3]
    ledger.close()


def test_what_comes_while_a_series_is_removed_stays(tmp_path):
    store_, ledger = NodeStore(tmp_path), NodeLedger(tmp_path)
    reception = Reception(store_, ledger)
    first, second = (Sendable.of_dataset(d).read() for d in some_series(1)[:2])
    assert reception.take(first).status == 0
    (series,) = ledger.series(SeriesState.RECEIVED)
    assert ledger.remove(series.uid) == [] == [i for i in ledger.instances(series.uid) if i.gone], "it is not done"
    ledger.move(series, SeriesState.SKIPPED)
    ledger.remove(series.uid)
    assert reception.take(second).status == 0  # before the files go
    reception.clear(series.uid)
    there = sorted(path.stem for path in store_.series_folder(series.uid).iterdir())
    assert there == [i.uid for i in ledger.instances(series.uid) if not i.gone]
    assert len(there) == 1
    ledger.close()
    store_.close()
