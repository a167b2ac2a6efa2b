"""A result of several sources: what is referenced, what is pulled, what new UIDs depend on.

Nothing makes such a result yet; what is said of it follows from its contributors alone.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

import codes
import derive
from derive.authoring.prepare import prepare
from derive.model.frames import Volumes
from derive.model.reference import FrameRef
from derive.model.source import Sources, SourceSeries
from derive.operations import gaussian_blur
from tests.helpers.sources import make_series

COUNT = 4
MASK = next(c for c in codes.context_group(7202) if c.value == "121321")


@pytest.fixture
def principal() -> SourceSeries:
    return derive.read(make_series("CT", COUNT))


@pytest.fixture
def other() -> SourceSeries:
    uids = {"SOPInstanceUID": lambda k: f"1.2.3.77.{k + 1}", "SeriesInstanceUID": "1.2.3.77"}
    return derive.read(make_series("CT", COUNT, SeriesDescription="Before contrast", **uids))


def of_both(principal: SourceSeries, other: SourceSeries, **options: str) -> derive.DerivedSeries:
    """A series whose every image is made of the two images at its place."""
    series = derive.build(principal, gaussian_blur(sigma_mm=1.0), **options)
    volume = replace(series.volume, contributors=lambda k: (FrameRef(0, k), FrameRef(1, k)))
    sources = Sources(principal, ((other, MASK),))
    return replace(series, order=replace(series.order, sources=sources, frames=Volumes((volume,))))


def test_frames_are_counted_source_by_source(principal, other):
    sources = Sources(principal, ((other, MASK),))
    assert sources.all == (principal, other)
    assert sources.references == (*principal.references, *other.references)
    assert [sources.reference(FrameRef(s, 2)) for s in (0, 1)] == [principal.references[2], other.references[2]]
    assert [sources.purpose(FrameRef(s, 0)) for s in (0, 1)] == [None, MASK]


def test_every_contributor_is_referenced_with_its_purpose(principal, other):
    made = list(of_both(principal, other).instances())
    assert len(made) == COUNT
    for k, instance in enumerate(sorted(made, key=lambda d: d.ImagePositionPatient[2])):
        first, second = instance.SourceImageSequence
        assert first.ReferencedSOPInstanceUID == principal.references[k].sop_instance_uid
        assert second.ReferencedSOPInstanceUID == other.references[k].sop_instance_uid
        assert first.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
        assert second.PurposeOfReferenceCodeSequence[0].CodeValue == MASK.value
        assert [i.SeriesInstanceUID for i in instance.ReferencedSeriesSequence] == [
            principal.series_instance_uid,
            other.series_instance_uid,
        ]


def test_attributes_are_pulled_from_the_principal_source(principal, other):
    alone = next(derive.build(principal, gaussian_blur(sigma_mm=1.0)).instances())
    both = next(of_both(principal, other).instances())
    pulled = ("PatientID", "StudyInstanceUID", "KVP", "FrameOfReferenceUID", "PatientPosition")
    assert [both[k].value for k in pulled] == [alone[k].value for k in pulled]


def test_new_uids_depend_on_all_sources(principal, other):
    alone = derive.build(principal, gaussian_blur(sigma_mm=1.0), uids="reproducible")
    both = of_both(principal, other, uids="reproducible")
    again = of_both(principal, other, uids="reproducible")
    first, second, third = (prepare(s.order, s.options).authoring.uids.series() for s in (alone, both, again))
    assert first != second
    assert second == third


def test_a_written_series_names_all_its_sources(principal, other, tmp_path):
    report = of_both(principal, other).write(tmp_path / "o")
    assert [len(i.sources) for i in report.instances] == [2] * COUNT
    assert not [f for f in report.findings if f.severity == "error"]
