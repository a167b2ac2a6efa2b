"""What conditions of types 1C and 2C demand or forbid: settled once where nothing varies, else instance by instance."""

from __future__ import annotations

import pydicom
import pytest

import derive
from derive.authoring.presence import conditionals
from derive.operations import apply
from tests.helpers.sources import make_series

POINTWISE = apply(function=lambda values: values, code="Smoothing", halo_slices=0)


def mr(*sequences: str, time: str | None = "900") -> list[pydicom.Dataset]:
    """One image for each Scanning Sequence."""
    datasets = make_series("MR", len(sequences))
    for dataset, sequence in zip(datasets, sequences, strict=True):
        dataset.ScanningSequence = sequence
        dataset.InversionTime = time
        if time is None:
            del dataset.InversionTime
    return datasets


def times_of(datasets, folder) -> list[object]:
    report = derive.build(derive.read(datasets), POINTWISE).write(folder)
    written = sorted(map(pydicom.dcmread, report.files), key=lambda d: d.InstanceNumber)
    assert len(written) == len(datasets)
    return [d.get("InversionTime", "absent") for d in written]


@pytest.mark.parametrize(
    ("sequences", "time", "wanted"),
    [
        (("IR", "IR", "IR"), "900", [900, 900, 900]),
        (("GR", "GR", "GR"), "900", ["absent"] * 3),
        (("IR", "IR", "IR"), None, [None, None, None]),
        (("GR", "GR", "GR"), None, ["absent"] * 3),
        (("IR", "GR", "IR"), "900", [900, "absent", 900]),
        (("IR", "GR", "IR"), None, [None, "absent", None]),
    ],
)
def test_a_condition_is_asked_of_each_instance_where_what_it_reads_varies(sequences, time, wanted, tmp_path):
    assert times_of(mr(*sequences, time=time), tmp_path / "o") == wanted


def left_of(datasets) -> tuple[set[str], set[str]]:
    result = derive.build(derive.read(datasets), POINTWISE).series_pass
    return {c.rule.keyword for c in result.bannable}, {c.rule.keyword for c in result.requirable}


def test_what_reads_nothing_that_varies_is_settled_in_the_series_pass():
    bannable, requirable = left_of(mr("IR", "IR", "IR"))
    assert "InversionTime" not in bannable | requirable
    bannable, requirable = left_of(mr("IR", "GR", "IR"))
    assert "InversionTime" in bannable & requirable
    iod = derive.build(derive.read(mr("IR", "GR", "IR")), POINTWISE).order.target.iod
    assert len(bannable) < len(conditionals(iod)) / 4


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "cut"])
def test_an_optional_module_that_says_too_little_is_left_out_and_stops_nothing(whole, tmp_path):
    said = {"SynchronizationTrigger": "NO TRIGGER", "AcquisitionTimeSynchronized": "N"} if whole else {}
    synchronized = {"SynchronizationFrameOfReferenceUID": "1.2.840.10008.15.1.1", **said}
    report = derive.build(derive.read(make_series("CT", 2, **synchronized)), POINTWISE).write(tmp_path / "o")
    kept = {keyword: pydicom.dcmread(report.files[0]).get(keyword) for keyword in synchronized}
    assert kept == (synchronized if whole else dict.fromkeys(synchronized))
