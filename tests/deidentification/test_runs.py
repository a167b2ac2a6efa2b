"""Runs that agree: by a key, by a map, in one process or in several."""

from __future__ import annotations

import pytest

import derive
from tests.helpers.methods import KEY, OTHER_KEY
from tests.helpers.sources import make_series


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    series = [
        *make_series(count=3, PatientID="MRN1"),
        *make_series("MR", count=2, PatientID="MRN1", SeriesInstanceUID="1.3.9"),
    ]
    for k, dataset in enumerate(series):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


@pytest.fixture
def made(study, tmp_path, monkeypatch):
    """Run, and give every file that was made with its bytes."""
    monkeypatch.chdir(tmp_path)

    def run(name, **said):
        report = derive.deidentify(study, tmp_path / name, retain=["modified-dates"], **said)
        assert not report.refused
        files = sorted((tmp_path / name).rglob("*.dcm"))
        assert len(files) == 5
        return {str(file.relative_to(tmp_path / name)): file.read_bytes() for file in files}

    return run


def test_a_key_makes_the_same_files_in_every_run(made):
    first = made("a", key=KEY)
    assert made("b", key=KEY, jobs=2) == first
    assert made("c", key=OTHER_KEY).keys().isdisjoint(first)


def test_a_map_makes_the_same_files_in_every_run(made, tmp_path):
    first = made("a", uid_map=tmp_path / "map.sqlite")
    assert made("b", uid_map=tmp_path / "map.sqlite", jobs=2) == first
    assert made("c", uid_map=tmp_path / "other.sqlite").keys().isdisjoint(first)


def test_runs_without_a_key_have_nothing_in_common(made):
    assert made("a").keys().isdisjoint(made("b"))


def test_a_table_of_patients_names_the_folders_and_what_it_lacked_stands_in_it_afterwards(made, tmp_path):
    path = tmp_path / "subjects.csv"
    first = made("a", key=KEY, id_map=path, id_map_create=True)
    new = path.read_text().splitlines()[1].partition(",")[2]
    assert {name.partition("/")[0] for name in first} == {new}
    path.write_text("id_old,id_new\nMRN1,S001\n")
    assert {name.partition("/")[0] for name in made("b", key=KEY, id_map=path, jobs=2)} == {"S001"}
    assert path.read_text() == "id_old,id_new\nMRN1,S001\n"
