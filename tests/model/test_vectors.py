"""What the tables of index vectors say, held against the tables of the standard."""

from __future__ import annotations

import pytest

from derive import standard
from derive.model.vectors import frame_types, frame_vectors, type_without
from tests.helpers.asserting import each

NM = standard.iod("1.2.840.10008.5.1.4.1.1.20")


def test_all_vectors_of_the_module_are_in_the_table():
    own = {k for k, rule in NM.attributes.items() if rule.module == "nm-multi-frame" and k.endswith("Vector")}
    assert set(frame_vectors()) == own
    numbers = {k for k, rule in NM.attributes.items() if rule.module == "nm-multi-frame" and k.startswith("NumberOf")}
    assert {v.number for v in frame_vectors().values()} - {""} == numbers


@pytest.mark.parametrize("keyword", list(frame_vectors()))
def test_what_a_vector_numbers_is_in_the_iod(keyword):
    vector = frame_vectors()[keyword]
    assert vector.counts in ("items", "steps", "slices")
    assert bool(vector.sequence) == (vector.counts == "items")
    assert bool(vector.within) == (vector.counts == "steps")
    for name in filter(None, (vector.number, vector.sequence)):
        assert name in NM.attributes
    if vector.within:
        assert frame_vectors()[vector.within].counts == "items"


def test_all_types_of_the_standard_have_their_vectors():
    (terms,) = (r.values for r in standard.values(NM.name, "ImageType") if r.value_number == 3)
    assert set(frame_types()) == set(terms)
    for kind in each(frame_types().values(), 8):
        assert set(kind.vectors) <= set(frame_vectors())
        for vector in (frame_vectors()[k] for k in kind.vectors if frame_vectors()[k].within):
            assert kind.vectors.index(vector.within) < kind.vectors.index(vector.keyword)


@pytest.mark.parametrize(
    ("image_type", "merged", "then"),
    [
        ("DYNAMIC", {"PhaseVector", "TimeSliceVector"}, "STATIC"),
        ("DYNAMIC", {"TimeSliceVector"}, "DYNAMIC"),
        ("GATED", {"RRIntervalVector", "TimeSlotVector"}, "STATIC"),
        ("TOMO", {"RotationVector", "AngularViewVector"}, "STATIC"),
        ("GATED TOMO", {"RRIntervalVector", "TimeSlotVector"}, "TOMO"),
        ("GATED TOMO", {"RotationVector", "AngularViewVector"}, "GATED"),
        ("RECON GATED TOMO", {"RRIntervalVector", "TimeSlotVector"}, "RECON TOMO"),
        ("STATIC", {"EnergyWindowVector"}, "STATIC"),
        ("WHOLE BODY", set(), "WHOLE BODY"),
    ],
)
def test_what_is_left_has_a_type_of_its_own(image_type, merged, then):
    assert type_without(image_type, merged).image_type == then


def test_an_unknown_type_is_none():
    assert type_without("PLANAR", set()) is None
