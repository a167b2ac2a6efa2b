"""Where a set comes from and goes to: archives; and what is left of a run that was ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pydicom
import pytest

import derive
from derive.cli.main import main
from derive.pacs.service.service import ArchiveService
from tests.helpers.archive_peers import address_of, store
from tests.helpers.asserting import each, every
from tests.helpers.killing import digests, left
from tests.helpers.sources import ROOT, make_series

KEY = "a key of the tests, long enough."
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
SERIES, SLICES = 6, 14


@pytest.fixture
def archive(tmp_path):
    with ArchiveService(tmp_path / "store", port=0) as running:
        yield running


def test_a_series_of_an_archive_goes_back_to_it_without_a_name(archive, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DEID_KEY", KEY)
    assert store(archive, make_series(count=3)) == [0, 0, 0]
    address = str(address_of(archive))
    flags = ["--key-env", "DEID_KEY", "--verify", "--report", str(tmp_path / "report.json")]
    assert main(["deidentify", f"{address}/{ROOT}.2", "-o", address, *flags]) == 0
    assert "3 of 3 instances stored" in capsys.readouterr().out
    found = [pydicom.dcmread(p) for p in (tmp_path / "store").rglob("*.dcm")]
    names = sorted(str(d.PatientName) for d in each(found, 6))
    assert names.count("Doe^Jane") == 3
    assert [d.PatientIdentityRemoved for d in found if d.PatientName != "Doe^Jane"] == ["YES"] * 3
    assert ROOT not in (tmp_path / "report.json").read_text()
    assert left(tmp_path) == ["report.json", "store"]


def test_what_is_refused_is_not_sent(archive, tmp_path):
    for dataset in (series := make_series(count=2)):
        dataset.BurnedInAnnotation = "YES"
    folder = tmp_path / "in"
    folder.mkdir()
    for k, dataset in enumerate(series):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    assert main(["deidentify", str(folder), "-o", str(address_of(archive)), "-q"]) == 1
    assert not list((tmp_path / "store").rglob("*.dcm"))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    for number in range(SERIES):
        uids = {"SeriesInstanceUID": f"1.2.3.{number}", "SOPInstanceUID": f"1.2.3.{number}.{{}}".format}
        for k, dataset in enumerate(make_series(count=SLICES, shape=(64, 64), **uids)):
            dataset.save_as(folder / f"{number}-{k}.dcm", enforce_file_format=True)
    return folder


def words(study, out, *more):
    return ["deidentify", str(study), "-o", str(out), "--key-env", "DEID_KEY", "--jobs", "2", "-q", *more]


def series_of(out):
    """How many files each folder of a series has."""
    found = {}
    for path in out.rglob("*.dcm"):
        found[path.parent] = found.get(path.parent, 0) + 1
    return found


@pytest.mark.skipif(os.name != "posix", reason="processes are ended by signals that only POSIX has")
def test_a_run_that_is_ended_leaves_whole_series_and_is_gone_on_with(study, tmp_path, monkeypatch):
    monkeypatch.setenv("DEID_KEY", KEY)
    assert main(words(study, tmp_path / "whole")) == 0
    whole = digests(tmp_path / "whole")
    out, ended = tmp_path / "out", 0
    for number in range(len(SIGNALS)):
        run = subprocess.Popen([sys.executable, "-m", "derive", *words(study, out, "--resume")], stderr=subprocess.PIPE)
        until = time.monotonic() + 60
        while run.poll() is None and len(series_of(out)) <= number and time.monotonic() < until:
            time.sleep(0.01)
        run.send_signal(SIGNALS[number])
        run.communicate()
        ended += run.returncode != 0
        counts = series_of(out).values()
        assert every(count == SLICES for count in counts)
    assert ended, "no run was ended before its end"
    assert main(words(study, out, "--resume")) == 0
    assert digests(out) == whole
    assert left(tmp_path) == ["out", "whole"]
    assert derive.check(out).errors == ()
