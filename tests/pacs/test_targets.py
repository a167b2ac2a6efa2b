"""What an archive gives or takes is written the one way: nothing of anybody else's is replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur
from derive.pacs.address import FolderAddress
from derive.pacs.folder import FolderArchive
from derive.pacs.outcome import Category
from derive.pacs.sendable import Sendable, sendables_of
from derive.pacs.service.service import ArchiveService
from derive.writing.unfinished import this_process
from tests.helpers.archive_peers import address_of, some_series, store
from tests.helpers.asserting import each, raises_code
from tests.helpers.killing import digests, left

SERIES = [some_series(n) for n in (1, 2)]
UIDS = [series[0].SeriesInstanceUID for series in SERIES]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    with ArchiveService(tmp_path_factory.mktemp("archive"), port=0) as running:
        for series in SERIES:
            assert store(running, series) == [0] * len(series)
        yield address_of(running)


def test_what_was_fetched_may_be_fetched_again_and_what_lacks_comes(archive, tmp_path):
    folder = tmp_path / "ct"
    fetched = derive.fetch(archive, folder, series_uid=UIDS[0])
    before = digests(folder)
    each(fetched.files, 2)[0].unlink()
    with raises_code("OUT-EXISTS"):
        derive.fetch(archive, folder, series_uid=UIDS[0])
    derive.fetch(archive, folder, series_uid=UIDS[0], overwrite=True)
    assert digests(folder).keys() == before.keys()
    assert left(tmp_path) == ["ct"]


@pytest.mark.parametrize("stranger", ["a text", "another series", "an instance that does not come", "another's name"])
def test_what_does_not_come_again_is_not_replaced(stranger, archive, tmp_path):
    folder = tmp_path / "ct"
    files = derive.fetch(archive, folder, series_uid=UIDS[0]).files
    wanted = UIDS[0]
    if stranger == "a text":
        (folder / "notes.txt").write_text("mine")
    elif stranger == "another series":
        wanted = UIDS[1]
    elif stranger == "another's name":
        files[0].rename(folder / "mine.dcm")
    else:
        dataset = pydicom.dcmread(files[0])
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        dataset.save_as(folder / "1.2.3.dcm")
    before = digests(folder)
    with raises_code("OUT-FOREIGN"):
        derive.fetch(archive, folder, series_uid=wanted, overwrite=True)
    assert digests(folder) == before
    assert left(tmp_path) == ["ct"]


def test_a_result_never_takes_the_place_of_what_was_fetched_and_the_reverse_may_be(archive, tmp_path):
    source = derive.read(derive.fetch(archive, tmp_path / "ct", series_uid=UIDS[0]).folder)
    other = derive.fetch(archive, tmp_path / "other", series_uid=UIDS[1]).folder
    series = derive.build(source, gaussian_blur(sigma_mm=1.0))
    with raises_code("OUT-FOREIGN"):
        series.write(other, overwrite=True)
    series.write(tmp_path / "out")
    derive.fetch(archive, tmp_path / "out", series_uid=UIDS[1], overwrite=True)
    assert digests(tmp_path / "out") == digests(other)


def test_an_archive_begins_with_what_a_killed_one_left_and_with_what_is_no_file(tmp_path, caplog):
    with ArchiveService(tmp_path, port=0) as running:
        assert store(running, SERIES[0]) == [0] * len(SERIES[0])
    file = next(tmp_path.rglob("*.dcm"))
    dead = file.parent / f".x.{this_process()._replace(started=1).name}-abcdefgh.part"
    (dead / "new").mkdir(parents=True)
    (dead / "new" / "half.dcm").write_bytes(file.read_bytes()[:300])
    os.mkfifo(tmp_path / "pipe.dcm")
    with ArchiveService(tmp_path, port=0) as running:
        assert len(running.index) == len(SERIES[0])
    assert not dead.exists()
    assert "pipe.dcm is left out: it is no regular file" in caplog.text


def test_a_file_that_the_archive_does_not_know_is_not_replaced(tmp_path):
    with ArchiveService(tmp_path, port=0) as running:
        first = SERIES[0][0]
        place = tmp_path / first.StudyInstanceUID / first.SeriesInstanceUID / f"{first.SOPInstanceUID}.dcm"
        place.parent.mkdir(parents=True)
        place.write_text("mine")
        assert store(running, [first]) == [0xA700]
    assert place.read_text() == "mine"


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_running_archive_ends_of_itself_and_leaves_nothing_half_done(ending, tmp_path):
    command = [sys.executable, "-m", "derive", "archive", str(tmp_path / "store"), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        line = child.stderr.readline()
        assert "keeps 0 instances" in line
        time.sleep(0.05)
        child.send_signal(ending)
        _, said = child.communicate(timeout=60)
    assert (child.returncode, said) == (0, "")
    assert left(tmp_path / "store") == []


@pytest.mark.parametrize("uid", ["../../outside", "/tmp/outside", "..", "a/b"])
def test_a_uid_that_would_lead_out_of_a_folder_is_refused(uid, tmp_path):
    folder = FolderArchive(FolderAddress(tmp_path / "in" / "store"))
    sendable = Sendable("1.2", uid, "1.2", "1.2", "1.2.840.10008.1.2.1", data=b"x")
    (result,) = folder.store([sendable])
    assert result.category is Category.REFUSED
    assert left(tmp_path / "in") == ["store"]
    assert left(tmp_path / "in" / "store") == []


def test_pipes_are_not_sent(tmp_path):
    os.mkfifo(tmp_path / "pipe.dcm")
    with raises_code("SRC-UNREADABLE") as caught:
        sendables_of([tmp_path / "pipe.dcm"])
    assert "pipe.dcm is no regular file" in caught.value.message
