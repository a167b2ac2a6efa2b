"""What single-frame images say in the macros and the terms of multi-frame IODs, on real series."""

from __future__ import annotations

import pytest

import derive
from derive.authoring.groups import in_groups, with_macros
from derive.elements.element import tag_of
from derive.elements.encoding import decode, encode
from derive.elements.instance import items_of
from derive.model.classes import class_in_form, target_of
from derive.model.functional_groups import macros
from derive.model.source import Sources
from tests.helpers.asserting import each, every

#: What each says in macros that a derived image needs no builder for, and in terms of enhanced images.
SERIES = {
    "mr_ge_axial_20": (
        {"MREchoSequence", "MRAveragesSequence", "PixelMeasuresSequence", "PlanePositionSequence"},
        {"EchoPulseSequence": "SPIN", "EchoPlanarPulseSequence": "NO", "AcquisitionContrast": "UNKNOWN"},
    ),
    "mr_siemens_dwi_b0_500_1500": (
        {"MREchoSequence", "MRAveragesSequence", "MRFOVGeometrySequence", "FrameAnatomySequence"},
        {"EchoPlanarPulseSequence": "YES", "ResonantNucleus": "1H"},
    ),
}


def enhanced(folder, **assumed):
    """Return a series as it says itself in an enhanced IOD, and that IOD."""
    source = derive.read(folder, assume=assumed) if assumed else derive.read(folder)
    iod = target_of(class_in_form(source.sop_class_uid, "enhanced")).iod
    return with_macros(Sources(source), iod).principal, source, iod


@pytest.mark.parametrize("name", SERIES)
def test_a_classic_series_says_macros_and_terms_of_its_enhanced_iod(real, name):
    made, source, iod = enhanced(real(name))
    wanted, terms = SERIES[name]
    assert {tag_of(keyword) for keyword in wanted} <= made.tags - source.tags
    assert {keyword: made.value(keyword) for keyword in terms} == terms
    added = made.tags - source.tags
    assert every(tag in {rule.tag for rule in iod.attributes.values()} for tag in added), "nothing without a place"


@pytest.mark.parametrize("name", SERIES)
def test_what_a_macro_says_is_what_the_image_says(real, name):
    made, source, _ = enhanced(real(name))
    for tag in each((made.tags - source.tags) & macros().keys()):
        for index in (0, made.table.count - 1):
            element = made.table.element(tag, index)
            if element is None:
                continue
            (item,) = items_of(element)
            said = {e.tag: e for e in item}
            for leaf in macros()[tag].leaves:
                inner = said.get(tag_of(leaf.path[0])) if len(leaf.path) == 1 and not leaf.how else None
                own = source.table.element(tag_of(leaf.keyword), index)
                if inner is not None and own is not None and inner.vr in ("FD", "DS", "IS"):
                    assert number(inner) == pytest.approx(number(own)), leaf


def number(element):
    value = decode(element)
    return float(value) if not hasattr(value, "__len__") else [float(v) for v in value]


def test_what_a_person_says_of_the_body_part_becomes_an_anatomic_region(real):
    made, source, _ = enhanced(real("mr_ge_axial_20"), BodyPartExamined="BRAIN")
    assert tag_of("FrameAnatomySequence") in made.tags - source.tags
    (anatomy,) = made.value("FrameAnatomySequence")
    assert (anatomy.FrameLaterality, anatomy.AnatomicRegionSequence[0].CodeValue) == ("U", "12738006")


def test_a_macro_that_the_source_has_stays_as_it_is(real):
    source = derive.read(real("philips_balls_enh/dicom/T1.dcm"))
    made = with_macros(Sources(source), target_of(source.sop_class_uid).iod).principal
    for tag in each(source.tags & macros().keys()):
        assert made.table.element(tag, 0) == source.table.element(tag, 0)


def test_what_all_frames_have_is_shared_and_what_is_of_one_is_not():
    position = [{"ImagePositionPatient": [0.0, 0.0, float(k)]} for k in range(3)]
    measures = encode("PixelMeasuresSequence", [{"SliceThickness": 1.0}])
    frames = [{e.tag: e for e in (encode("PlanePositionSequence", [p]), measures)} for p in position]
    shared, own = in_groups(frames)
    assert [e.keyword for e in items_of(shared)[0]] == ["PixelMeasuresSequence"]
    assert [[e.keyword for e in item] for item in items_of(own)] == [["PlanePositionSequence"]] * 3
