"""A node from what comes to what is sent: each series once, and what is odd is told."""

from __future__ import annotations

import logging
import time

import pytest
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

import derive
from derive.many.node.ledger import FILE
from derive.many.node.states import SeriesState
from derive.many.node.status import health_of
from derive.pacs.archive import archive_at
from derive.pacs.sendable import Sendable
from derive.pacs.service.service import ArchiveService
from tests.helpers.archive_peers import some_series, store, uids
from tests.helpers.asserting import each, every
from tests.helpers.nodes import node, settled, until
from tests.helpers.servers import free_port

SUCCESS, DUPLICATE, FULL = 0x0000, 0x0111, 0xA700


@pytest.fixture
def archive(tmp_path):
    with ArchiveService(tmp_path / "archive", port=0) as running:
        yield running


def to(archive):
    return f"{archive.aet}@127.0.0.1:{archive.port}"


def files_of(archive):
    return [dcmread(path) for path in sorted(archive.folder.rglob("*.dcm"))]


def test_what_comes_is_derived_and_sent_and_nobody_is_named_in_the_log(archive, tmp_path, caplog):
    named = {"PatientName": "PLANT1^X", "SeriesDescription": "PLANT2", "InstitutionName": "PLANT3"}
    with caplog.at_level(logging.DEBUG), node(tmp_path, to(archive)) as running:
        assert store(running, some_series(1, **named)) == [SUCCESS] * 4
        assert store(running, some_series(2, "MR", 3, **named)) == [SUCCESS] * 3
        status = settled(running, verified=1, skipped=1)
    assert status.results == {"verified": 1}
    results = files_of(archive)
    assert len(results) == 4
    assert every("gaussian_blur(sigma_mm=1" in each.DerivationDescription for each in results)
    said = [record.getMessage() for record in caplog.records if record.name.startswith("derive.")]
    assert any("is verified" in line for line in said)
    assert not [line for line in said if "PLANT" in line]
    assert "PLANT" not in str(status) + status.metrics() + str(status.to_json())


def test_a_second_time_is_ignored_and_other_contents_are_kept_aside(archive, tmp_path):
    series = some_series(1)
    with node(tmp_path, to(archive)) as running:
        assert store(running, series) == [SUCCESS] * 4
        assert store(running, series[:2]) == [SUCCESS] * 2
        series[0].ImageComments = "changed"
        assert store(running, series[:1]) == [DUPLICATE]
        assert store(running, series[:1]) == [DUPLICATE]
        status = settled(running, verified=1)
    assert (status.instances, status.conflicts) == (4, 1)
    (aside,) = (tmp_path / "node" / "conflicts").iterdir()
    assert dcmread(aside).ImageComments == "changed"
    assert len(files_of(archive)) == 4


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, RLELossless], ids=["implicit", "rle"])
def test_the_same_in_another_transfer_syntax_is_the_same_and_what_is_changed_is_not(archive, tmp_path, syntax):
    again = some_series(1)
    for dataset in again:
        reencoded(dataset, syntax)
    with node(tmp_path, to(archive)) as running:
        assert store(running, some_series(1)) == [SUCCESS] * 4
        assert store(running, again) == [SUCCESS] * 4
        again[1].PixelSpacing = [1.25, 1.5]
        again[2].ReferencedImageSequence = []
        assert store(running, again) == [SUCCESS, DUPLICATE, DUPLICATE, SUCCESS]
        assert running.status().instances == 4


def reencoded(dataset, syntax):
    if syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax


@pytest.mark.parametrize("forgotten", [False, True], ids=["by the ledger", "by the record"])
def test_what_was_derived_here_is_not_derived_again_when_it_comes_back(archive, tmp_path, forgotten):
    with node(tmp_path, to(archive)) as running:
        store(running, some_series(1))
        settled(running, verified=1)
    if forgotten:
        (tmp_path / "node" / FILE).unlink()
    results = files_of(archive)
    with node(tmp_path, to(archive)) as running:
        assert store(running, results) == [SUCCESS] * 4
        # Without a ledger what lies in the store is taken in again; its result is the same, and there already.
        status = settled(running, verified=1, own=1 if forgotten else 0)
        assert running.reception.counts["own"] == (0 if forgotten else 4)
    assert status.quarantined == 0
    assert len(files_of(archive)) == 4


def test_a_late_instance_has_the_series_derived_anew_and_the_rest_is_left_alone(archive, tmp_path):
    series = some_series(1, count=5)
    with node(tmp_path, to(archive)) as running:
        store(running, series[:4])
        settled(running, verified=1)
        store(running, series[4:])
        settled(running, verified=1)
        until(lambda: running.status().results == {"verified": 2})
    lengths = {}
    for instance in files_of(archive):
        lengths[instance.SeriesInstanceUID] = lengths.get(instance.SeriesInstanceUID, 0) + 1
    assert sorted(lengths.values()) == [4, 5]


def test_a_series_is_complete_when_as_much_came_as_an_archive_has(archive, tmp_path):
    series = some_series(1, count=6)
    with ArchiveService(tmp_path / "source", port=0, aet="SOURCE") as source:
        store(source, series)
        asked = {"count_from": f"SOURCE@127.0.0.1:{source.port}", "quiet_seconds": 1.0}
        with node(tmp_path, to(archive), **asked) as running:
            store(running, series[:4])
            until(lambda: running.ledger.series(SeriesState.RECEIVED)[0].due > time.time() - 0.1)
            until(lambda: time.time() - running.ledger.series(SeriesState.RECEIVED)[0].heard > 2)
            assert running.status().series["received"] == 1, "the quiet time was over, and two were missing"
            store(running, series[4:])
            settled(running, verified=1)
        with node(tmp_path, to(archive), **asked, count_wait_seconds=0.5) as running:
            other = some_series(2, count=3)
            store(source, other)
            store(running, other[:2])
            status = settled(running, verified=1, quarantined=1)
            assert status.quarantine[0]["code"] == "NODE-INCOMPLETE"
            store(running, other[2:])
            settled(running, verified=2)
    assert len(files_of(archive)) == 9


def test_what_cannot_be_derived_is_put_in_quarantine_until_what_it_lacks_comes(archive, tmp_path):
    with node(tmp_path, to(archive)) as running:
        series = some_series(1, count=5)
        store(running, [series[k] for k in (0, 1, 3, 4)])
        status = settled(running, quarantined=1)
        assert status.quarantine[0]["code"] == "GEO-GAP"
        assert running.ledger.one_series(str(series[0].SeriesInstanceUID)).message
        store(running, series[2:3])
        settled(running, verified=1)
    assert len(files_of(archive)) == 5


def test_what_took_too_long_is_in_quarantine_and_taken_up_again_when_that_is_asked(archive, tmp_path):
    with node(tmp_path, to(archive), timeout=1e-6) as running:
        store(running, some_series(1))
        status = settled(running, quarantined=1)
        assert status.quarantine[0]["code"] == "MANY-TIMEOUT"
    with node(tmp_path, to(archive), again=True) as running:
        settled(running, verified=1)


def test_an_archive_that_is_down_gets_its_results_when_it_is_up(tmp_path):
    port = free_port()
    with node(tmp_path, f"ARCHIVE@127.0.0.1:{port}") as running:
        store(running, some_series(1))
        until(lambda: running.status().retrying == {"NET-UNREACHABLE": 1})
        with ArchiveService(tmp_path / "archive", port=port) as archive:
            settled(running, verified=1)
            assert len(files_of(archive)) == 4


def test_commitment_is_answered_and_what_was_promised_is_not_removed(archive, tmp_path):
    promised, other, strange = some_series(1), some_series(2, "MR"), some_series(3)
    with node(tmp_path, to(archive)) as running:
        report = derive.send(promised, f"{running.aet}@127.0.0.1:{running.port}", commit=True, wait_s=60)
        assert set(report.commitment.committed) == set(uids(promised))
        store(running, other)
        settled(running, verified=1, skipped=1)
        address = f"{running.aet}@127.0.0.1:{running.port}"
        lacking = archive_at(address).commit([Sendable.of_dataset(d) for d in strange], wait_s=60)
        assert (lacking.committed, set(lacking.failed)) == ((), set(uids(strange)))
    with node(tmp_path, to(archive), keep_days=0) as running:
        until(lambda: not (tmp_path / "node" / "instances" / str(other[0].SeriesInstanceUID)).exists())
        kept = tmp_path / "node" / "instances" / str(promised[0].SeriesInstanceUID)
        assert len(each(kept.iterdir())) == 4
        assert store(running, other) == [SUCCESS] * 4, "it is known, and not wanted again"
        assert running.reception.counts["duplicates"] == 4


def test_a_full_store_refuses_and_says_so(archive, tmp_path):
    series = some_series(1)
    with node(tmp_path, to(archive), store_gib=5e-6) as running:
        statuses = store(running, series)
        assert statuses[0] == SUCCESS
        assert statuses[-1] == FULL
        assert health_of(running.live()) == (True, "ok"), "something smaller may still come"
        assert running.status().live["answers"]["0xA700"] == statuses.count(FULL)


def test_what_comes_to_a_series_that_was_removed_waits_for_all_of_it(archive, tmp_path):
    series = some_series(1, count=5)
    with node(tmp_path, to(archive)) as running:
        store(running, series[:4])
        settled(running, verified=1)
    with node(tmp_path, to(archive), keep_days=0) as running:
        until(lambda: not list((tmp_path / "node" / "instances").iterdir()))
        until(lambda: not list((tmp_path / "node" / "results").iterdir()))
        store(running, series[4:])
        assert settled(running, quarantined=1).quarantine[0]["code"] == "NODE-LATE"
        assert store(running, series) == [SUCCESS] * 5
        settled(running, verified=1)
    assert len(files_of(archive)) == 9
