"""What derive.toml says of the institution holds for every series that is made, and a caller wins over it."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from derive.cli.main import main
from derive.operations import mip
from tests.helpers.asserting import raises_code
from tests.helpers.sources import make_series

ROOT = "1.2.826.0.1.3680043.10"


@pytest.fixture
def ct(tmp_path, monkeypatch):
    """A folder with a CT series, in a working folder with a derive.toml."""
    (tmp_path / "derive.toml").write_text(f'uid_prefix = "{ROOT}"\n[equipment]\nInstitutionName = "General"\n')
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "ct"
    folder.mkdir()
    for k, dataset in enumerate(make_series("CT")):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


def of_institution(dataset):
    return dataset.InstitutionName, dataset.SOPInstanceUID.startswith(f"{ROOT}.")


def test_python_and_the_command_line_make_the_same_of_the_same(ct, tmp_path):
    time = "2026-11-21T09:30:00"
    words = ["mip", str(ct), "-o", "told", "--slab-mm", "4", "--uids", "reproducible", "--timestamp", time]
    assert main(words) == 0
    options = {"uids": "reproducible", "timestamp": derive.cli.shared.timestamp(time)}
    made = list(derive.build(derive.read(ct), mip(slab_mm=4.0), **options).instances())
    written = [pydicom.dcmread(path) for path in sorted((tmp_path / "told").iterdir())]
    assert len(made) == len(written) > 0
    assert sorted(d.SOPInstanceUID for d in made) == sorted(d.SOPInstanceUID for d in written)
    assert {of_institution(d) for d in (*made, *written)} == {("General", True)}


def test_what_is_converted_has_them_too(ct):
    options = {"modality": "CT", "spacing_xyz": 1.0, "values": "hu", "patient": derive.Patient("PH01", "Phantom^A")}
    converted = derive.convert(np.full((2, 4, 4), -1000, np.int16), **options)
    assert of_institution(next(iter(converted.instances()))) == ("General", True)


def test_a_caller_wins(ct):
    series = derive.build(derive.read(ct), mip(), set={"InstitutionName": "Special"}, uid_prefix="1.2.3")
    (dataset,) = series.instances()
    assert dataset.InstitutionName == "Special"
    assert dataset.SOPInstanceUID.startswith("1.2.3.")


def test_a_file_that_is_none_is_refused_where_something_is_made_and_nowhere_else(ct, tmp_path):
    derive.build(derive.read(ct), mip()).write("made")
    (tmp_path / "derive.toml").write_text("uid_prefix = ")
    with raises_code("CFG-SYNTAX"):
        derive.build(derive.read(ct), mip())
    assert derive.verify("made", ct).same
