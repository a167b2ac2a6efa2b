"""New dates do not stand beside those of a source that were shifted or removed (PS3.3 C.12.1, PS3.15 E.3.6)."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pydicom
import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.asserting import each
from tests.helpers.sources import make_series

FLAG = "LongitudinalTemporalInformationModified"
OF_NOW = [f"{what}{unit}" for what in ("Content", "Series", "InstanceCreation") for unit in ("Date", "Time")]
NOW = datetime(2027, 3, 4, 5, 6, 7)


def made(folder, modality="CT", said="MODIFIED", **options):
    source = derive.read(make_series(modality, **{FLAG: said}))
    report = derive.build(source, gaussian_blur(sigma_mm=1.0), **options).write(folder)
    assert not report.findings
    return [pydicom.dcmread(f) for f in report.files]


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("said", ["MODIFIED", "REMOVED", lambda k: ["MODIFIED", "UNMODIFIED"][k % 2]])
def test_beside_other_dates_there_are_none_of_now(said, modality, tmp_path):
    for dataset in each(made(tmp_path / "out", modality, said), 6):
        found = {k: dataset.get(k) for k in OF_NOW if k in dataset}
        assert found == ({"SeriesDate": "20260102", "SeriesTime": "102000"} if modality == "PT" else {})
        assert dataset.StudyDate == dataset.AcquisitionDate == "20260102"


@pytest.mark.parametrize("said", ["UNMODIFIED", None])
def test_beside_true_dates_there_are_those_of_now(said, tmp_path):
    for dataset in each(made(tmp_path / "out", said=said), 6):
        assert dataset.get(FLAG) == said
        assert all(dataset.get(k) for k in each(OF_NOW))


def test_a_time_that_a_person_says_is_said(tmp_path):
    for dataset in each(made(tmp_path / "out", timestamp=NOW), 6):
        assert dataset[FLAG].value == "MODIFIED"
        assert dataset.SeriesDate == dataset.ContentDate == dataset.InstanceCreationDate == "20270304"


@pytest.mark.parametrize("kind", ["secondary-capture", "multi-frame-secondary-capture"])
def test_pictures_of_such_a_study_have_none_either(kind, tmp_path):
    reference = derive.read(make_series("CT", **{FLAG: "REMOVED"}))
    series = derive.convert(
        np.zeros((1, 4, 4), np.uint8), kind=kind, reference=reference, set={"BurnedInAnnotation": "NO"}
    )
    dataset = pydicom.dcmread(series.write(tmp_path / "out").files[0])
    assert dataset[FLAG].value == "REMOVED"
    assert not [k for k in (*OF_NOW, "DateOfSecondaryCapture", "TimeOfSecondaryCapture") if dataset.get(k)]


def test_two_steps_after_each_other_say_no_time_of_theirs(tmp_path):
    made(tmp_path / "a")
    report = derive.build(derive.read(tmp_path / "a"), gaussian_blur(sigma_mm=2.0)).write(tmp_path / "b")
    dataset = pydicom.dcmread(report.files[0])
    scanner, ours = dataset.ContributingEquipmentSequence
    assert scanner.ContributionDateTime.startswith("20260102")
    assert "ContributionDateTime" not in ours
