"""A study corrected through an archive: fetched, corrected, sent back, and shown as that of one patient."""

from __future__ import annotations

import json

import pytest
from pydicom import dcmread

import derive
from derive.cli.main import main
from tests.helpers.asserting import each
from tests.helpers.servers import dcmqrscp, orthanc
from tests.helpers.sources import make_series

ARCHIVES = {"Orthanc": orthanc, "dcmqrscp": dcmqrscp}


@pytest.mark.parametrize("archive", sorted(ARCHIVES))
def test_an_archive_takes_a_corrected_study_and_shows_one_patient(archive, tmp_path, capsys):
    datasets = [*make_series("CT", count=2), *make_series("MR", count=2, SeriesInstanceUID="1.2.3.4.6")]
    for number, dataset in enumerate(datasets):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.7.{number}"
    (tmp_path / "in").mkdir()
    for number, dataset in enumerate(datasets):
        dataset.save_as(tmp_path / "in" / f"{number}.dcm", enforce_file_format=True)
    with ARCHIVES[archive](tmp_path / "first") as first, ARCHIVES[archive](tmp_path / "second") as second:
        assert derive.send(tmp_path / "in", first.address).ok
        study = datasets[0].StudyInstanceUID
        said = ["--set", "PatientID=4711", "--set", "PatientName=Roe^Ann", "--reason", "COERCE", "--source", "City"]
        line = ["correct", first.address, "--study-uid", study, "-o", second.address, *said, "--json"]
        assert main(line) == 0
        capsys.readouterr()
        assert main(["find", second.address, "--study-uid", study, "--level", "series", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert len(found["rows"]) == 2
        fetched = derive.fetch(second.address, tmp_path / "out", study_uid=study)
        back = list(derive.correct(fetched.folder, undo=1).instances())
        for made in each(back):
            assert (made.PatientID, made.StudyInstanceUID) == (datasets[0].PatientID, study)
    for path in each(fetched.files):
        (read,) = derive.correct(path, set={"PatientComments": "x"}).instances()
        assert (read.PatientID, str(read.PatientName)) == ("4711", "Roe^Ann")


@pytest.mark.parametrize("archive", sorted(ARCHIVES))
def test_patient_and_study_are_those_of_a_study_of_an_archive(archive, tmp_path, capsys):
    """Two objects become objects of the study that is there, which has two series."""
    there = [*make_series("CT", count=3), *make_series("MR", count=1, SeriesInstanceUID="1.2.3.4.6")]
    (tmp_path / "there").mkdir()
    for number, dataset in enumerate(there):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.7.{number}"
        dataset.PatientID, dataset.PatientName, dataset.StudyInstanceUID = "4711", "Roe^Ann", "1.2.3.4.8"
        dataset.save_as(tmp_path / "there" / f"{number}.dcm", enforce_file_format=True)
    mine = make_series("CT", count=2, SeriesInstanceUID="1.2.3.4.9", StudyInstanceUID="1.2.3.4.10")
    with ARCHIVES[archive](tmp_path / "archive") as server:
        assert derive.send(tmp_path / "there", server.address).ok
        (tmp_path / "in").mkdir()
        for number, dataset in enumerate(mine):
            dataset.save_as(tmp_path / "in" / f"{number}.dcm", enforce_file_format=True)
        like = f"{server.address}/1.2.3.4.8"
        line = ["correct", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--reason", "COERCE", "-q", "--like"]
        assert main([*line, like]) == 0
        made = [*derive.correct(tmp_path / "in", like=like).instances()]
        assert main([*line, f"{server.address}/1.2.3.4.11"]) != 0
        assert "NET-NOTFOUND" in capsys.readouterr().err
    made += [dcmread(path) for path in sorted((tmp_path / "out").iterdir())]
    for dataset in each(made, 4):
        assert (dataset.PatientID, dataset.PatientName, dataset.StudyInstanceUID) == ("4711", "Roe^Ann", "1.2.3.4.8")
