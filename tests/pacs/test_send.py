"""Sending, whatever the way: what is reported, what is sent again, and what the command line makes of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import derive
from derive.cli.main import main
from derive.errors import NetworkError, UsageError
from derive.pacs.address import FolderAddress
from derive.pacs.archive import archive_at
from derive.pacs.folder import FolderArchive, result_of
from derive.pacs.outcome import Category
from derive.pacs.sendable import sendables_of
from derive.pacs.service.service import ArchiveService
from tests.helpers.sources import make_series


@pytest.fixture
def series(tmp_path):
    """A written series of six instances."""
    report = derive.build(derive.read(make_series("CT")), derive.operations.gaussian_blur(sigma_mm=1.0)).write(
        tmp_path / "out"
    )
    return report.folder


@pytest.fixture
def archive(tmp_path):
    with ArchiveService(tmp_path / "store", port=0) as service:
        yield f"ARCHIVE@127.0.0.1:{service.port}"


def test_a_folder_takes_instances_once(series, tmp_path):
    report = derive.send(series, str(tmp_path / "shelf"), verify=True)
    assert report.ok
    assert len(list((tmp_path / "shelf").iterdir())) == 6
    again = derive.send(series, str(tmp_path / "shelf"))
    assert again.ok
    assert {r.comment for r in again.results} == {"it was there already"}


def test_another_instance_of_the_same_uid_is_kept_and_refused(series, tmp_path):
    derive.send(series, str(tmp_path / "shelf"))
    victim = sorted((tmp_path / "shelf").iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:-2] + b"\1\1")
    kept = victim.read_bytes()
    report = derive.send(series, str(tmp_path / "shelf"), verify="pixels")
    assert [r.category for r in report.failed] == [Category.REFUSED]
    assert report.exit_code == 8
    assert report.verification is not None
    assert report.verification.different == (report.failed[0].sop_instance_uid,)
    assert victim.read_bytes() == kept


def test_a_dry_run_sends_nothing(series, archive, tmp_path):
    report = derive.send(series, archive, dry_run=True, verify=True)
    assert (len(report.stored), len(report.results), report.exit_code) == (0, 6, 0)
    assert {(r.category, r.comment) for r in report.results} == {(Category.UNSENT, "dry run: nothing was sent")}
    assert [r.sop_instance_uid for r in report.results] == [s.sop_instance_uid for s in sendables_of([series])]
    assert not list((tmp_path / "store").rglob("*.dcm"))


def test_a_second_run_sends_only_the_rest(series, archive):
    sendables = sendables_of([series])
    derive.send([p.path for p in sendables[:4]], archive)
    told = []
    report = derive.send(series, archive, resume=True, told=told.append, verify=True)
    assert report.ok
    assert [r.comment for r in report.results].count("it was there already") == 4
    assert len(told) == 6


class Fickle(FolderArchive):
    """Refuses every second instance the first time, and says nothing of the last."""

    calls = 0

    def store(self, sendables):
        self.calls += 1
        for number, sendable in enumerate(sendables):
            if self.calls > 1:
                yield replace(result_of(sendable, Category.STORED), status=0)
            elif number < len(sendables) - 1:
                kind = Category.STORED if number % 2 else Category.REFUSED
                yield replace(result_of(sendable, kind, "no room"), status=0xA700)


class Refusing(FolderArchive):
    """Takes nothing."""

    def store(self, sendables):
        return (result_of(s, Category.REFUSED, "not wanted") for s in sendables)


class Lying(FolderArchive):
    """Says of everything that it is stored, and stores nothing."""

    def store(self, sendables):
        return (result_of(s, Category.STORED) for s in sendables)


@pytest.fixture
def shelf(tmp_path):
    return FolderAddress(tmp_path / "shelf")


def test_what_failed_is_tried_again_and_what_nobody_spoke_of_is_not_stored(series, shelf):
    report = derive.send(series, Fickle(shelf))
    assert [r.category.value for r in report.results] == ["refused", "stored"] * 2 + ["refused", "unsent"]
    assert (report.exit_code, report.ok) == (8, False)
    assert "2 of 6" in str(report)
    again = report.retry()
    assert again.ok
    assert len(again.results) == 6
    assert [r.sop_instance_uid for r in again.results] == [s.sop_instance_uid for s in report.sendables]


def test_nothing_stored_is_exit_code_7(series, shelf):
    assert derive.send(series, Refusing(shelf)).exit_code == 7


def test_a_missing_instance_is_found_out(series, shelf):
    report = derive.send(series, Lying(shelf), verify=True)
    assert report.failed == ()
    assert report.verification is not None
    assert len(report.verification.missing) == 6
    assert (report.ok, report.exit_code) == (False, 8)


@pytest.mark.parametrize(
    ("options", "code"),
    [({"verify": "maybe"}, "NET-VERIFY"), ({"parallel": 0}, "NET-PARALLEL"), ({"colour": "red"}, "OPT-UNKNOWN")],
)
def test_options_that_are_none(options, code, series, archive):
    with pytest.raises(UsageError, match=code):
        derive.send(series, archive, **options)


@pytest.mark.parametrize("target", ["shelf", "http://127.0.0.1:9/dicom-web"])
def test_commitment_is_a_service_of_dimse(target):
    with pytest.raises(UsageError, match="DIMSE") as refused:
        archive_at(target).commit([], wait_s=0.0)
    assert refused.value.code == "NET-COMMIT"


def test_nothing_and_twice_the_same_are_refused(series, tmp_path, archive):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="NET-NOTHING"):
        derive.send(tmp_path / "empty", archive)
    with pytest.raises(UsageError, match="NET-TWICE"):
        derive.send([series, series], archive)


def test_data_sets_in_memory_are_sent(archive):
    datasets = list(derive.build(derive.read(make_series("MR")), derive.operations.mip()).instances())
    assert derive.send(datasets, archive, verify="pixels").ok


def test_an_archive_that_is_not_there(series):
    with pytest.raises(NetworkError, match="NET-UNREACHABLE"):
        derive.send(series, "NOBODY@127.0.0.1:9")


def test_the_command_line(series, archive, tmp_path, capsys):
    log = tmp_path / "log.jsonl"
    assert main(["send", str(series), archive, "--verify", "--commit", "--json", "--log-json", str(log)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["ok"], printed["stored"], printed["verification"]["ok"]) == (True, 6, True)
    assert len(printed["commitment"]["committed"]) == 6
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {(line["status"], line["status_hex"]) for line in lines} == {(0, "0x0000")}
    assert len(lines) == 6
    assert main(["echo", archive, "-q"]) == 0
    assert main(["echo", "NOBODY@127.0.0.1:9", "-q"]) == 7
    assert main(["send", str(series), "NOBODY@127.0.0.1:9"]) == 7
    assert main(["send", str(series), archive, "--token-env", "X"]) == 2


def test_no_patient_is_named_in_what_is_logged_or_said(tmp_path, archive, capsys, caplog):
    caplog.set_level("DEBUG")
    datasets = make_series("CT", PatientName="Secret^Person", PatientID="SECRET-ID")
    report = derive.build(derive.read(datasets), derive.operations.mip()).write(tmp_path / "out")
    assert main(["send", str(report.folder), archive, "-v", "--json", "--verify"]) == 0
    printed = capsys.readouterr()
    said = printed.out + printed.err + caplog.text
    assert "Secret" not in said
    assert "SECRET-ID" not in said


def test_derive_toml_names_archives_and_the_equipment(series, archive, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "derive.toml").write_text(
        f'uid_prefix = "1.2.826.0.1.3680043.10"\n[equipment]\nInstitutionName = "General"\n'
        f'[targets.here]\naddress = "{archive}"\n'
    )
    assert main(["minip", str(series), "-o", "here", "--json"]) == 0
    instance = json.loads(capsys.readouterr().out)["instances"][0]
    assert instance["sop_instance_uid"].startswith("1.2.826.0.1.3680043.10.")
    found = derive.fetch("here", tmp_path / "back", study_uid=make_series("CT")[0].StudyInstanceUID)
    assert len(found.files) == 1
    assert "General" in str(found.files[0].read_bytes())
