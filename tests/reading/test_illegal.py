"""What a source says illegally is as if it were not there: every kind of it, over the attributes of every class."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

import derive
from derive import standard
from derive.checking import SeriesChecker
from derive.elements.element import Element, tag_of
from derive.errors import DeriveError
from derive.model.remark import ABSENT, lines_of
from derive.operations import gaussian_blur
from derive.reading.files import find
from derive.reading.read import series_of
from derive.reading.scan import scan
from tests.helpers.asserting import each, raises_code
from tests.helpers.sources import make_series

#: What a refusal may be: the attribute decides what voxels are, where they lie, or whose they are.
REFUSALS = {"SRC-VALUE", "SRC-UID", "SRC-PATIENT", "SRC-SERIES", "SRC-STUDY", "SRC-CLASS", "SRC-DUPLICATE", "ASM-TYPE1"}
REFUSALS |= {
    "GEO-MISSING",
    "GEO-FOR",
    "GEO-SINGLE",
    "VAL-RESCALE",
    "VAL-UNITS",
    "VAL-COLOUR",
    "VAL-BITS",
    "SRC-LOCALIZER",
}
KINDS = {
    "too long": b"9" * 1200,
    "no syntax": b"abc~",
    "several values": b"1\\1\\1\\1\\1\\1\\1 ",
    "undecodable": b"\xfc\xe9\xdf\x81",
    "not a number": b"NaN ",
    "control characters": b"\x01\x02\x1b[",
    "anonymized": b"anonymized",
    "odd bytes": b"\x01\x02\x03",
    "another VR": b"zz",
}


def headers_of(modality, **changes):
    return list(scan(find(make_series(modality, 3, (5, 6), **changes))))


def spoiled(headers, keyword, kind, which):
    rule = standard.iod(headers[0].sop_class_uid).attributes[keyword]
    vr = rule.vr.split(" or ")[0]
    if kind == "another VR":
        vr = "LO" if vr != "LO" else "US"
    element = Element(rule.tag, vr, KINDS[kind])
    chosen = headers if which == "all" else headers[1:2]
    return [
        replace(h, elements={**h.elements, rule.tag: element}, tags=h.tags | {rule.tag}) if h in chosen else h
        for h in headers
    ]


def made_of(source):
    series = derive.build(source, gaussian_blur(sigma_mm=0.4))
    checker = SeriesChecker(sources=source.references, made=True)
    found = [f for m in series.made() for f in checker.add(m.elements, m.frame.encoded.stored, "made.dcm")]
    return series, [f for f in (*found, *checker.finish()) if f.severity == "error"]


def said_of(headers):
    """The code of a refusal, ``made`` of a clean result, else what the check finds."""
    try:
        _, errors = made_of(series_of(headers))
    except DeriveError as error:
        return error.code
    return str(errors[0]) if errors else "made"


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_no_illegal_value_of_any_attribute_reaches_a_result(modality):
    headers = headers_of(modality)
    keywords = [
        k for k in standard.iod(headers[0].sop_class_uid).attributes if not k.startswith(("Overlay", "ROI", "Pixel"))
    ]
    every = [(k, kind, which) for k in keywords for kind in KINDS for which in ("all", "one")]
    chosen = each(random.Random(modality).sample(every, 110), 100)
    said = {spoil: said_of(spoiled(headers, *spoil)) for spoil in chosen}
    assert {spoil: found for spoil, found in said.items() if found not in REFUSALS | {"made"}} == {}
    assert list(said.values()).count("made") > 70


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "keyword", ["WindowCenter", "InstanceNumber", "SliceLocation", "SeriesNumber", "AcquisitionDate"]
)
def test_what_is_read_before_anything_is_made_is_guarded(keyword, kind):
    headers = headers_of("CT", WindowCenter=40, WindowWidth=400)
    source = series_of(spoiled(headers, keyword, kind, "all"))
    _, errors = made_of(source)
    assert errors == []


@pytest.mark.parametrize(
    "keyword", ["Rows", "BitsStored", "PixelRepresentation", "RescaleSlope", "ImagePositionPatient"]
)
def test_what_decides_values_and_places_is_refused_by_name(keyword):
    with pytest.raises(DeriveError) as refused:
        series_of(spoiled(headers_of("CT"), keyword, "no syntax", "all"))
    assert refused.value.code in REFUSALS
    assert keyword in refused.value.message
    assert "abc~" not in refused.value.message


@pytest.mark.parametrize("keyword", ["RescaleSlope", "ModalityLUTSequence"])
def test_an_illegal_rescale_of_mr_is_not_taken_for_none(keyword):
    headers = headers_of("MR")
    element = Element(tag_of(keyword), "DS", b"abc ")
    changed = [replace(h, elements={**h.elements, element.tag: element}) for h in headers]
    with raises_code("SRC-VALUE"):
        series_of(changed)


def test_another_series_of_the_folder_is_not_asked():
    good, bad = (
        headers_of("CT"),
        spoiled(headers_of("CT", SeriesInstanceUID="1.2.3.4.5"), "RescaleSlope", "no syntax", "all"),
    )
    assert len(series_of([*good, *bad], series=good[0].text("SeriesInstanceUID")).frames) == 3


@pytest.mark.parametrize(
    ("keyword", "said", "wanted"),
    [
        ("AcquisitionDate", b"1997.04.24", "19970424"),
        ("StudyTime", b"12:30:00", "123000"),
        ("PatientAge", b"45Y ", "045Y"),
        ("PatientSex", b"f ", "F"),
        ("PatientPosition", b"hfs ", "HFS"),
        ("RescaleType", b"hu", "HU"),
        ("SeriesNumber", b"3.0 ", "3"),
        ("SliceThickness", b"2.00000000000000000 ", "2.0"),
    ],
)
def test_what_is_only_spelled_another_way_is_read_as_what_it_means(keyword, said, wanted):
    headers = headers_of("CT")
    vr = standard.iod(headers[0].sop_class_uid).attributes[keyword].vr
    changed = [
        replace(h, elements={**h.elements, tag_of(keyword): Element(tag_of(keyword), vr, said)}) for h in headers
    ]
    source = series_of(changed)
    assert str(source.value(keyword)) == wanted
    assert [(r.code, r.keyword) for r in source.remarks] == [("SRC-MENDED", keyword)]


@pytest.mark.parametrize("keyword", ["PatientID", "PatientName", "AccessionNumber"])
def test_the_keys_of_an_archive_stay_as_they_are(keyword):
    source = series_of(spoiled(headers_of("CT"), keyword, "undecodable", "all"))
    series, errors = made_of(source)
    assert errors == []
    assert next(series.made()).elements[tag_of(keyword)].value == KINDS["undecodable"]
    assert [(r.code, r.keyword) for r in source.remarks] == [("SRC-KEPT", keyword)]


@pytest.mark.parametrize("root", ["1.113654.3.12", "1.2.003.4", "abc", "1.2." + "7" * 70])
def test_uids_of_sources_stand_in_references_as_they_are(root, tmp_path):
    uids = {k: f"{root}.{n}" for n, k in enumerate(("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"))}
    headers = headers_of("CT")
    changed = []
    for number, header in enumerate(headers):
        said = uids | {"SOPInstanceUID": f"{root}.9.{number}"}
        elements = {tag_of(k): Element(tag_of(k), "UI", v.encode() + b"\0" * (len(v) % 2)) for k, v in said.items()}
        changed.append(replace(header, elements={**header.elements, **elements}))
    report = derive.build(series_of(changed), gaussian_blur(sigma_mm=0.4)).write(tmp_path / "out")
    assert len(lines_of(report.remarks, 3)) == 1
    assert report.findings == ()
    again = derive.read(tmp_path / "out")
    assert again.value("StudyInstanceUID") == uids["StudyInstanceUID"]
    assert again.value("FrameOfReferenceUID") == uids["FrameOfReferenceUID"]
    named = {i.ReferencedSOPInstanceUID for i in each(again.value("SourceImageSequence", 1))}
    assert f"{root}.9.1" in named
    assert not again.value("SeriesInstanceUID").startswith(root)


def test_the_account_says_why_an_attribute_is_gone():
    source = series_of(spoiled(headers_of("CT"), "SeriesDescription", "several values", "all"))
    series = derive.build(source, gaussian_blur(sigma_mm=0.4))
    text = next(series.made()).elements[tag_of("SeriesDescription")].value
    assert b"[" not in text
    assert b"\\" not in text
    source = series_of(spoiled(headers_of("CT"), "ProtocolName", "too long", "all"))
    entry = next(e for e in derive.build(source, gaussian_blur(sigma_mm=0.4)).account if e.keyword == "ProtocolName")
    assert (entry.action, "not legal in the source" in entry.reason) == ("dropped", True)


@pytest.mark.parametrize(("said", "meant"), [("ISO_IR_100", "ISO_IR 100"), ("UTF-8", "ISO_IR 192"), ("klingon", None)])
def test_a_character_set_that_is_none_is_told_or_absent(said, meant):
    headers = headers_of("CT")
    named = Element(tag_of("SpecificCharacterSet"), "CS", said.encode() + b" " * (len(said) % 2))
    source = series_of([replace(h, elements={**h.elements, named.tag: named}) for h in headers])
    assert source.value("SpecificCharacterSet") == meant


@pytest.mark.parametrize(
    ("keyword", "value"), [("SliceThickness", 0), ("SliceThickness", -2), ("TimezoneOffsetFromUTC", "+2500")]
)
def test_what_cannot_be_is_as_if_it_were_not_there(keyword, value):
    source = series_of(headers_of("CT", **{keyword: value}))
    assert (ABSENT, keyword) in {(r.code, r.keyword) for r in source.remarks}
    series, errors = made_of(source)
    assert errors == []
    for made in each(series.made(), 3):
        element = made.elements.get(tag_of(keyword))
        assert element is None or not element.stripped()


def test_a_centre_without_a_legal_width_is_no_window(tmp_path):
    images = make_series("CT", 3, (5, 6), WindowCenter=-21474836.48, WindowWidth=-21474836.48, VOILUTFunction="LINEAR")
    source = derive.read(images)
    assert [source.text(k) for k in ("WindowCenter", "WindowWidth", "VOILUTFunction")] == ["", "", ""]
    assert "WindowWidth" in {r.keyword for r in source.remarks if r.code == ABSENT}
    report = derive.convert(images, into="legacy-converted").write(tmp_path / "out")
    assert not [f for f in report.findings if f.severity == "error"]
