"""From an archive through derive and back: nothing changes on the way, and everything arrives."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

import derive
from derive.cli.main import main
from derive.errors import SourceError, UsageError
from derive.operations import gaussian_blur, mean_projection, minip, mip, resample
from derive.pacs.address import parse_entity
from derive.pacs.dimse.archive import DimseArchive
from derive.pacs.fetch import fetch
from derive.pacs.sendable import sendables_of
from derive.pacs.service.service import ArchiveService
from tests.helpers import servers
from tests.helpers.sources import make_series

OPERATIONS = {
    "gaussian_blur": gaussian_blur(sigma_mm=1.0),
    "resample": resample(spacing_mm=(1.5, 1.5, 3.0)),
    "mip": mip(slab_mm=6.0, plane="coronal"),
    "minip": minip(),
    "mean_projection": mean_projection(slab_mm=4.0, step_mm=2.0),
}
WAYS = ["orthanc", "orthanc-web", "dcmqrscp", "service"]


@pytest.fixture(scope="module")
def archives(tmp_path_factory) -> Iterator[dict[str, str]]:
    """Addresses of archives that run, as far as they are installed; each is started when it is first asked for."""
    running: dict[str, str] = {}
    opened = []

    class Lazily(dict[str, str]):
        def __missing__(self, way: str) -> str:
            folder = tmp_path_factory.mktemp(way)
            if way.startswith("orthanc"):
                context = servers.orthanc(folder)
                server = context.__enter__()
                opened.append(context)
                running["orthanc"], running["orthanc-web"] = server.address, server.url
            elif way == "dcmqrscp":
                context = servers.dcmqrscp(folder)
                running[way] = context.__enter__().address
                opened.append(context)
            else:
                service = ArchiveService(folder, port=0)
                running[way] = f"ARCHIVE@127.0.0.1:{service.__enter__().port}"
                opened.append(service)
            self.update(running)
            return self[way]

    yield Lazily()
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A CT series with UIDs of its own."""
    folder = tmp_path_factory.mktemp("source") / "ct"
    write_all(make_series("CT"), folder)
    return folder


def write_all(datasets: list[pydicom.Dataset], folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, dataset in enumerate(datasets):
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)


def data_sets(folder: Path) -> dict[str, pydicom.Dataset]:
    return {str(d.SOPInstanceUID): d for d in map(pydicom.dcmread, sorted(folder.rglob("*.dcm")))}


def assert_same(left: Path, right: Path) -> None:
    ours, theirs = data_sets(left), data_sets(right)
    assert ours.keys() == theirs.keys()
    for uid, dataset in ours.items():
        assert dataset == theirs[uid]
        assert dataset.PixelData == theirs[uid].PixelData


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("way", WAYS)
def test_fetch_derive_send_fetch(way, name, archives, source, tmp_path):
    archive = archives[way]
    assert derive.send(source, archive, verify="pixels").ok
    (uid,) = {d.SeriesInstanceUID for d in data_sets(source).values()}
    fetched = fetch(archive, tmp_path / "ct", series_uid=uid)
    assert_same(source, fetched.folder)
    ct = derive.read(fetched.folder)
    report = derive.build(ct, OPERATIONS[name]).write(tmp_path / "out")
    sent = derive.send(tmp_path / "out", archive, verify="pixels")
    assert sent.ok
    assert len(sent.stored) == len(report.instances)
    again = fetch(archive, tmp_path / "again", series_uid=report.series_instance_uid)
    assert_same(tmp_path / "out", again.folder)
    assert derive.verify(again.folder, fetched.folder).same


def test_the_archives_own_view_is_one_patient_and_one_study(archives, source, tmp_path):
    if "orthanc" not in archives:
        archives["orthanc"]
    server_url = archives["orthanc-web"].removesuffix("/dicom-web")
    derive.send(source, archives["orthanc"])
    derive.build(derive.read(source), gaussian_blur(sigma_mm=2.0)).send(archives["orthanc"], verify=True)
    server = servers.Server("ORTHANC", 0, tmp_path, rest=server_url)
    assert len(server.ask("/patients")) == 1
    (study,) = server.ask("/studies")
    series = server.ask(f"/studies/{study}/series")
    types = {s["MainDicomTags"]["SeriesInstanceUID"] for s in series}
    assert {d.SeriesInstanceUID for d in data_sets(source).values()} < types


@pytest.mark.parametrize("way", WAYS)
def test_straight_through_leaves_no_file_behind(way, archives, source, tmp_path, monkeypatch, capsys):
    archive = archives[way]
    derive.send(source, archive)
    first = sendables_of([source])[0]
    before = set(tmp_path.iterdir())
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    series = f"{archive}/{first.series_instance_uid}"
    assert main(["mip", series, "-o", archive, "--verify", "--series-description", f"through {way}", "--json"]) == 0
    assert '"ok": true' in capsys.readouterr().out
    assert set(tmp_path.iterdir()) == before
    found = fetch(archive, tmp_path / "all", study_uid=first.study_instance_uid)
    descriptions = [d.SeriesDescription for d in data_sets(found.folder).values()]
    assert descriptions.count(f"through {way}") == 1


def test_a_derived_series_sends_itself_and_tries_again(archives, source):
    series = derive.build(derive.read(source), mip())
    report = series.send(archives["service"], verify=True)
    assert report.ok
    assert report.retry().ok
    (stored,) = report.stored
    sendable = report.sendables[0]
    held = report.archive.instances(sendable.study_instance_uid, sendable.series_instance_uid)
    assert list(held.items) == [stored.sop_instance_uid]


def test_fetching_is_whole_or_not_at_all(archives, source, tmp_path):
    archive = archives["service"]
    derive.send(source, archive)
    first = sendables_of([source])[0]

    class Short(DimseArchive):
        """Keeps the last instance to itself."""

        def fetch(self, study_uid, series_uid, take, *, only=()):
            came: list[bytes] = []
            super().fetch(study_uid, series_uid, came.append, only=only)
            for data in came[:-1]:
                take(data)

    with pytest.raises(derive.DeriveError) as refused:
        fetch(Short(parse_entity(archive)), tmp_path / "ct", series_uid=first.series_instance_uid)
    assert refused.value.code == "NET-INCOMPLETE"
    assert list(tmp_path.iterdir()) == []


def test_patients_are_not_mixed_and_nothing_is_refused_by_name(archives, source, tmp_path):
    archive = archives["service"]
    derive.send(source, archive)
    others = make_series("MR")
    for number, dataset in enumerate(others):
        dataset.PatientID, dataset.AccessionNumber = "Somebody else", "A1"
        for keyword, end in (("StudyInstanceUID", "1"), ("SeriesInstanceUID", "2"), ("SOPInstanceUID", f"3.{number}")):
            setattr(dataset, keyword, f"1.2.826.0.1.3680043.10.7.{end}")
    write_all(others, tmp_path / "other")
    derive.send(tmp_path / "other", archive)
    with pytest.raises(SourceError, match="NET-PATIENTS") as refused:
        fetch(archive, tmp_path / "both", accession="A1")
    assert "Somebody" not in str(refused.value)
    with pytest.raises(SourceError, match="NET-NOTFOUND"):
        fetch(archive, tmp_path / "none", series_uid="1.2.3.4.5")
    with pytest.raises(UsageError, match="NET-FILTER"):
        fetch(archive, tmp_path / "all", modality="CT")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other"]


def test_several_series_lie_in_a_folder_each(archives, source, tmp_path):
    archive = archives["service"]
    derive.send(source, archive)
    derive.build(derive.read(source), minip()).send(archive)
    first = sendables_of([source])[0]
    found = fetch(archive, tmp_path / "study", study_uid=first.study_instance_uid)
    assert len(found.series) >= 2
    assert {f.parent.name for f in found.files} == {s.series_instance_uid for s in found.series}


def test_what_was_fetched_is_what_lies_in_the_archive_to_the_byte_of_its_data_set(archives, source, tmp_path):
    derive.send(source, archives["service"])
    first = sendables_of([source])[0]
    fetch(archives["service"], tmp_path / "ct", series_uid=first.series_instance_uid)
    dataset = pydicom.dcmread(io.BytesIO(first.read()))
    there = pydicom.dcmread(tmp_path / "ct" / f"{first.sop_instance_uid}.dcm")
    assert np.array_equal(dataset.pixel_array, there.pixel_array)
    assert dataset == there
