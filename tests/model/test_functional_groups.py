"""Functional groups: flattened into classic keywords and rebuilt, by the table and on real instances."""

from __future__ import annotations

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VM, dictionary_VR

from derive import standard
from derive.elements.datasets import from_dataset
from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.encoding import decode, encode, pack_item
from derive.elements.instance import items_of
from derive.model.composing import composed, folded, may_be_shared
from derive.model.functional_groups import PER_FRAME, SHARED, flattened, iod_of_frames, macros
from derive.model.macro_values import called, uncalled
from derive.standard.conditions import macro_conditions
from tests.helpers.asserting import each, every
from tests.helpers.multi_frame import ENHANCED, LEGACY, multi_frame

FOLDERS = (
    "enhanced_ct_2f",
    "enhanced_mr",
    "legacy_converted_ct",
    "mr_philips_classic24_and_enhanced",
    "philips_balls_enh",
    "siemens_xa60_enh_7t",
    "siemens_xa61_enh_dwi",
)
#: What stays in its macro: what counts only together with others of its kind.
IN_THEIR_MACROS = {
    *("ReferencedPathIndex", "ReferencedXRaySourceIndex", "VOILUTSequence"),
    *("DiffusionGradientDirectionSequence", "DiffusionBMatrixSequence", "ASLBolusCutoffTimingSequence"),
}


def iods():
    return [iod_of_frames(standard.iod(uid)) for uid in (*ENHANCED.values(), *LEGACY.values())]


def groups_of(elements):
    """Return the shared and the per-frame groups of an instance, each macro by its tag."""
    shared = next(iter(items_of(elements[SHARED]) or ()), ()) if SHARED in elements else ()
    return {e.tag: e for e in shared}, [{e.tag: e for e in item} for item in items_of(elements[PER_FRAME])]


def frames_of(dataset, most=12):
    """Return the macros of the first frames, shared ones included."""
    shared, own = groups_of(from_dataset(dataset))
    return [shared | groups for groups in own[:most]]


def read(path):
    dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    return dataset if "PerFrameFunctionalGroupsSequence" in dataset else None


@pytest.fixture(params=FOLDERS)
def instances(request, real):
    """Return some multi-frame instances of a folder of real data."""
    files = (p for p in sorted(real(request.param).rglob("*")) if p.is_file() and p.suffix in ("", ".dcm"))
    found = (dataset for dataset in map(read, files) if dataset is not None)
    return [dataset for dataset, _ in zip(found, range(3), strict=False)]


# ------------------------------------------------------------------- the table


def test_every_attribute_of_a_macro_is_said_in_a_keyword_or_stays_there_for_a_reason():
    for iod in each(iods()):
        for rule in iod.attributes.values():
            macro = macros().get(rule.tag)
            if macro is None or not macro.leaves or macro.sequence not in iod.attributes:
                continue
            said = {leaf.path[0] for leaf in macro.leaves}
            assert {r.keyword for r in rule.items} - said <= IN_THEIR_MACROS, (iod.name, macro.name)


def test_every_leaf_is_an_attribute_of_its_macro_and_every_keyword_one_of_the_dictionary():
    known = {rule.keyword: rule for iod in iods() for rule in iod.attributes.values()}
    for macro in each(macros().values()):
        for leaf in macro.leaves:
            if macro.sequence in known:
                assert leaf.path[0] in {r.keyword for r in known[macro.sequence].items}, leaf
            assert tag_of(leaf.keyword)
            assert tag_of(leaf.path[-1])


def test_no_keyword_is_said_by_two_macros_of_an_iod():
    for iod in each(iods()):
        said = [
            leaf.keyword
            for rule in iod.attributes.values()
            if rule.tag in macros()
            for leaf in macros()[rule.tag].leaves
        ]
        assert sorted(set(said)) == sorted(said), iod.name


MOMENT = encode("FrameAcquisitionDateTime", "20140122103610.67+0100")
DATE, TIME = encode("AcquisitionDate", "20140122"), encode("AcquisitionTime", "1036")
PHASE = "InPlanePhaseEncodingDirection"


@pytest.mark.parametrize(
    ("source", "keyword", "how", "wanted"),
    [
        (encode("EffectiveEchoTime", 194.4), "EchoTime", "", ("DS", b"194.4 ")),
        (encode("EffectiveEchoTime", 1 / 3), "EchoTime", "", ("DS", b"0.33333333333333")),
        (encode("TransmitterFrequency", 127.78300499999999), "ImagingFrequency", "single", ("DS", b"127.783005000000")),
        (encode("TransmitterFrequency", [127.0, 51.0]), "ImagingFrequency", "single", None),
        (encode("FrameAcquisitionNumber", 3), "AcquisitionNumber", "", ("IS", b"3 ")),
        (encode("FrameAcquisitionDuration", 546720.947), "ActualFrameDuration", "", ("IS", b"546721")),
        (encode("FrameAcquisitionDuration", 0.0), "ActualFrameDuration", "", ("IS", b"0 ")),
        (encode("ExposureInmAs", 0.3), "Exposure", "", None),
        (encode("ExposureInmAs", 0.3), "ExposureInuAs", "micro", ("IS", b"300 ")),
        (encode("ExposureInmAs", 1e9), "ExposureInuAs", "micro", None),
        (encode("ExposureInmAs", float("nan")), "Exposure", "", None),
        (MOMENT, "AcquisitionDate", "date", ("DA", b"20140122")),
        (
            encode("FrameAcquisitionDateTime", "20140122103610.67+0100"),
            "AcquisitionTime",
            "time",
            ("TM", b"103610.67 "),
        ),
        (encode("FrameAcquisitionDateTime", "20140122"), "AcquisitionTime", "time", None),
        (encode("FrameAcquisitionDateTime", "2014"), "AcquisitionDate", "date", None),
        (
            encode("InPlanePhaseEncodingDirection", "COLUMN"),
            "InPlanePhaseEncodingDirection",
            "COLUMN=COL",
            ("CS", b"COL "),
        ),
        (encode(PHASE, "OTHER"), PHASE, "COLUMN=COL", None),
        (encode("FrameLaterality", "R"), "ImageLaterality", "", ("CS", b"R ")),
        (Element(tag_of("EffectiveEchoTime"), "FD", b""), "EchoTime", "", ("DS", b"")),
    ],
)
def test_a_value_under_its_classic_keyword(source, keyword, how, wanted):
    found = called(source, keyword, how)
    assert (found and (found.tag, found.vr, found.value)) == (wanted and (tag_of(keyword), *wanted))


@pytest.mark.parametrize(
    ("said", "keyword", "wanted"),
    [
        ({"": encode("EchoTime", "3.568")}, "EffectiveEchoTime", 3.568),
        ({"date": DATE, "time": TIME}, "FrameAcquisitionDateTime", "201401221036"),
        ({"time": TIME}, "FrameAcquisitionDateTime", None),
        ({"single": encode("InversionTime", "900")}, "InversionTimes", 900.0),
        ({"micro": encode("ExposureInuAs", 300)}, "ExposureInmAs", 0.3),
        ({"": encode("AcquisitionNumber", 70000)}, "FrameAcquisitionNumber", None),
        ({"COLUMN=COL ROW=ROW": encode(PHASE, "COL")}, PHASE, "COLUMN"),
    ],
)
def test_a_value_of_a_macro_from_classic_keywords(said, keyword, wanted):
    found = uncalled(said, keyword)
    assert (found and decode(found)) == wanted


# ------------------------------------------------------------------ flattening


def test_what_had_no_macro_counts_as_an_attribute_of_the_frame_but_not_what_says_which_instance_it_is():
    inside = pack_item([encode("FilterType", "BODY"), encode("SOPInstanceUID", "1.2.3"), encode("PatientName", "A^B")])
    tag = tag_of("UnassignedPerFrameConvertedAttributesSequence")
    assert [e.keyword for e in flattened({tag: Element(tag, "SQ", inside)}).values()] == ["FilterType"]


def test_of_a_macro_with_several_items_nothing_is_said_in_keywords():
    tag = tag_of("MREchoSequence")
    two = b"".join(pack_item([encode("EffectiveEchoTime", echo)]) for echo in (1.0, 2.0))
    assert flattened({tag: Element(tag, "SQ", two)}) == {}
    assert flattened({tag: Element(tag, "SQ", b"")}) == {}


def test_real_frames_say_where_they_lie_and_what_they_show_in_classic_keywords(instances):
    wanted = {"PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "FrameType", "ImageType"}
    for dataset in each(instances):
        for frame in each(frames_of(dataset)):
            said = flattened(frame)
            assert wanted <= {keyword_of(tag) for tag in said}
            for element in said.values():
                assert element.vr in dictionary_VR(element.tag), element.keyword
                decode(element)


# -------------------------------------------------------------------- rebuilding


def test_the_groups_of_real_instances_are_what_comes_of_their_frames(instances):
    for dataset in each(instances):
        frames = frames_of(dataset, most=40)
        groups = folded(frames)
        assert [dict(groups.shared) | dict(own) for own in groups.per_frame] == frames
        assert every(not groups.shared.keys() & own.keys() for own in groups.per_frame)


def test_composed_macros_of_real_instances_say_what_those_of_the_scanner_say(instances):
    compared = set()
    for dataset in each(instances):
        iod = iod_of_frames(standard.iod(dataset.SOPClassUID))
        for frame in frames_of(dataset, most=2):
            said = {keyword_of(tag): element for tag, element in flattened(frame).items()}
            for tag in frame.keys() & macros().keys():
                rule = iod.attributes.get(keyword_of(tag))
                if rule is None or not macros()[tag].leaves or not flattened({tag: frame[tag]}):
                    continue
                made = composed(rule, said.get, iod.name)
                if made is None:  # scanners leave out what is demanded, too
                    continue
                compared.add(rule.keyword)
                ours, theirs = values_of({tag: made}), values_of({tag: frame[tag]})
                left_out = theirs.keys() - ours.keys()
                assert ours == {k: v for k, v in theirs.items() if k not in left_out}, rule.keyword
                assert {k for k in left_out if not decided(macros()[tag], k)} == set(), rule.keyword
    assert {"PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence"} <= compared


def decided(macro, keyword):
    """Tell whether a condition decides on an attribute of a macro, or an attribute of it asks for another one."""
    paths = [leaf.path for leaf in macro.leaves if leaf.keyword == keyword]
    asked = [c for c in macro_conditions() if c.module == macro.sequence]
    return any(c.keyword in path or c.reads & set(path) for path in paths for c in asked)


def values_of(groups):
    """Return what macros say that is not empty; numbers to the digits of a Decimal String."""
    found = {e.keyword: decode(e) for e in flattened(groups).values() if e.stripped()}
    return {k: round(float(v), 9) if isinstance(v, (int, float)) else v for k, v in found.items()}


def test_half_of_what_is_demanded_of_an_acquired_frame_is_no_macro():
    rule = iod_of_frames(standard.iod(ENHANCED["CT"])).attributes["CTGeometrySequence"]
    detector, patient = encode("DistanceSourceToDetector", "1085"), encode("DistanceSourceToPatient", "595")
    assert composed(rule, {"DistanceSourceToDetector": detector}.get) is None
    made = composed(rule, {"DistanceSourceToDetector": detector, "DistanceSourceToPatient": patient}.get)
    assert values_of({rule.tag: made}) == {"DistanceSourceToDetector": 1085.0, "DistanceSourceToPatient": 595.0}


def test_what_a_condition_forbids_stays_out_of_a_macro():
    rule = iod_of_frames(standard.iod(ENHANCED["MR"])).attributes["MRDiffusionSequence"]
    said = {
        "DiffusionBValue": encode("DiffusionBValue", 0.0),
        "DiffusionDirectionality": encode("DiffusionDirectionality", "NONE"),
        "DiffusionGradientOrientation": encode("DiffusionGradientOrientation", [1.0, 0.0, 0.0]),
    }
    assert values_of({rule.tag: composed(rule, said.get)}) == {
        "DiffusionBValue": 0.0,
        "DiffusionDirectionality": "NONE",
    }


def test_a_macro_of_which_a_part_is_missing_that_the_standard_demands_is_not_made():
    rule = iod_of_frames(standard.iod(ENHANCED["CT"])).attributes["PixelValueTransformationSequence"]
    said = {"RescaleSlope": encode("RescaleSlope", "1"), "RescaleIntercept": encode("RescaleIntercept", "-1024")}
    assert composed(rule, said.get) is None
    made = composed(rule, (said | {"RescaleType": encode("RescaleType", "HU")}).get)
    assert flattened({rule.tag: made}).keys() == {tag_of(k) for k in (*said, "RescaleType")}


def test_nothing_is_made_of_nothing():
    for iod in each(iods()):
        assert every(composed(rule, {}.get) is None for rule in iod.attributes.values() if rule.tag in macros())


@pytest.mark.parametrize("modality", ENHANCED)
def test_synthetic_objects_are_flattened_and_rebuilt(modality):
    frames = frames_of(multi_frame(modality))
    groups = folded(frames)
    assert [dict(groups.shared) | dict(own) for own in groups.per_frame] == frames


KNOWN = sorted(macros())
#: An unknown macro, and a private one.
TAGS = st.sampled_from([*KNOWN, tag_of("SegmentIdentificationSequence"), 0x0021_10FE])


def value_of(keyword):
    numbers = {"FD": st.floats(-1e6, 1e6), "US": st.integers(0, 65535), "IS": st.integers(-999, 999)}
    vr = dictionary_VR(tag_of(keyword))
    if vr in numbers and dictionary_VM(tag_of(keyword)) == "1":
        return numbers[vr].map(lambda v: encode(keyword, v))
    return st.just(Element(tag_of(keyword), vr.split(" ")[0], b""))


@st.composite
def sequences(draw, tag):
    keywords = sorted({leaf.path[0] for leaf in macros()[tag].leaves}) if tag in macros() else ["SegmentNumber"]
    items = draw(st.lists(st.lists(st.sampled_from(keywords or ["StudyComments"]), unique=True), max_size=2))
    return Element(tag, "SQ", b"".join(pack_item(draw(value_of(k)) for k in item) for item in items))


@st.composite
def objects(draw):
    """Return the macros of some frames, a few values of which are many frames'."""
    tags = draw(st.lists(TAGS, unique=True, max_size=6))
    choices = {tag: draw(st.lists(sequences(tag), min_size=1, max_size=2)) for tag in tags}
    count = draw(st.integers(1, 4))
    return [
        {tag: draw(st.sampled_from(found)) for tag, found in choices.items() if draw(st.booleans())}
        for _ in range(count)
    ]


@settings(deadline=None, max_examples=150)
@given(objects())
def test_functional_groups_flattened_and_rebuilt_are_the_same_tree(frames):
    groups = folded(frames)
    assert [dict(groups.shared) | dict(own) for own in groups.per_frame] == frames
    for tag in {tag for frame in frames for tag in frame}:
        places = (tag in groups.shared, any(tag in own for own in groups.per_frame))
        assert places.count(True) == 1, "an attribute is shared or per frame, never both"
        same = all(frame.get(tag) == frames[0].get(tag) for frame in frames)
        assert places[0] == (same and may_be_shared(tag))
    again = folded([dict(groups.shared) | dict(own) for own in groups.per_frame])
    assert again == groups
    for frame in frames:
        assert flattened(frame) == flattened(dict(reversed(frame.items())))
