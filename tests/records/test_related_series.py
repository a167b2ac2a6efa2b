"""A series of which only the grid was taken is found by an attribute, also where UIDs were mapped since."""

from __future__ import annotations

import hashlib

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur, resample
from derive.records.record import record_of
from derive.records.written import gather
from tests.helpers.asserting import each
from tests.helpers.sources import ROOT, make_series
from tests.helpers.verification import edit, save, verified


def grid_series(number, step=2.5, **changes):
    """Give a series of another scanner in the same space."""
    uids = {"SeriesInstanceUID": f"1.2.3.{number}", "SOPInstanceUID": lambda k: f"1.2.3.{number}.{k + 1}"}
    return make_series("MR", count=4, spacing=(2.0, 1.7), step=step, **uids, **changes)


def other_uid(uid):
    return f"2.25.{int.from_bytes(hashlib.sha256(uid.encode()).digest()[:12])}"


def mapped(file):
    """Give every UID of an instance, at whatever depth, another one, as de-identification does; text stays."""

    def change(_, element):
        if element.VR == "UI" and element.keyword not in ("SOPClassUID", "ReferencedSOPClassUID", "ContextUID"):
            element.value = other_uid(element.value)

    def walk(dataset):
        dataset.walk(change)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID

    edit(file, walk)


def items(file):
    found = pydicom.dcmread(file).get("RelatedSeriesSequence") or []
    return [
        (i.StudyInstanceUID, i.SeriesInstanceUID, i.PurposeOfReferenceCodeSequence[0].CodeValue) for i in each(found)
    ]


@pytest.fixture
def chain(tmp_path):
    """Give a source, two grids of other series, and a series that took first the one and then the other."""
    source = save(make_series("CT", count=6), tmp_path / "source")
    first, second = save(grid_series(8, 3.0), tmp_path / "first"), save(grid_series(9), tmp_path / "second")
    steps = resample(reference=derive.read(first)), resample(reference=derive.read(second)), gaussian_blur(sigma_mm=1.0)
    derive.build(derive.read(source), *steps, uid_prefix="1.2.840.1").write(tmp_path / "out")
    return tmp_path / "out", source, first, second


def test_series_whose_grid_was_taken_are_related_series_in_the_order_of_the_steps(chain):
    for file in each(sorted(chain[0].iterdir()), 4):
        assert items(file) == [(f"{ROOT}.1", "1.2.3.8", "121323"), (f"{ROOT}.1", "1.2.3.9", "121323")]
    assert not derive.check(chain[0]).findings


def test_verify_finds_grids_by_the_attribute_where_uids_were_mapped(chain):
    out, source, first, second = chain
    for folder in each(chain, 4):
        for file in each(sorted(folder.iterdir())):
            mapped(file)
    assert "'1.2.3.9'" in pydicom.dcmread(next(out.iterdir())).DerivationDescription
    assert verified(out, [str(source), str(first), str(second)]).verdict == "SAME"
    found = verified(out, [str(source), str(first)])
    assert found.verdict == "NOT-RECOMPUTABLE"
    assert other_uid("1.2.3.9") in found.reason


def test_a_grid_stays_related_when_another_step_follows_and_other_relations_do_not(chain, tmp_path):
    derive.build(derive.read(chain[0]), gaussian_blur(sigma_mm=2.0)).write(tmp_path / "more")
    file = next((tmp_path / "more").iterdir())
    assert [i[1] for i in items(file)] == ["1.2.3.8", "1.2.3.9"]
    edit_one = pydicom.dcmread(file)
    edit_one.RelatedSeriesSequence[0].PurposeOfReferenceCodeSequence[0].CodeValue = "122401"
    edit_one.RelatedSeriesSequence[0].PurposeOfReferenceCodeSequence[0].CodeMeaning = "Same Anatomy"
    edit_one.save_as(file)
    record = record_of(gather(file).headers[0])
    assert record.grid_series == ("1.2.3.9",)
    assert record.grid_of("1.2.3.8") == "1.2.3.8"  # one attribute for two texts: the text alone


def test_without_a_grid_of_another_series_there_is_no_related_series(tmp_path):
    report = derive.build(derive.read(make_series("CT")), resample(spacing_mm=2.0)).write(tmp_path / "out")
    assert "RelatedSeriesSequence" not in pydicom.dcmread(report.files[0])


def test_explain_names_the_series_of_the_grid_and_compares_nothing_with_it(chain):
    found = derive.explain(chain[0], sources=chain[1], keyword="RelatedSeriesSequence")
    assert "grid     of series 1.2.3.9" in str(found)
    assert not found.differing
