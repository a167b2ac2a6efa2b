"""Values are compared by what they mean: spelling, padding and character sets say nothing."""

from __future__ import annotations

import pytest

import derive
from derive.elements.element import Element
from derive.elements.meaning import same
from derive.elements.uid_references import is_reference
from tests.helpers.sources import make_series


@pytest.mark.parametrize(
    ("vr", "one", "other", "equal"),
    [
        ("PN", b"Phantom^A", b"Phantom^A^^^ ", True),
        ("PN", b"Phantom^A==", b"Phantom^A ", True),
        ("PN", b"Phantom^A", b"Phantom^B", False),
        ("PN", b"Phantom^^A", b"Phantom^A ", False),
        ("DS", b"1 ", b"1.0 ", True),
        ("DS", b"1e1 ", b"10", True),
        ("DS", b"1\\2 ", b"1.0\\2.00", True),
        ("DS", b"1\\2 ", b"1.0\\2.01", False),
        ("IS", b"+3", b"003 ", True),
        ("CS", b"hfs ", b"HFS ", True),
        ("LO", b" text ", b"text", True),
        ("LO", b"Text", b"text", False),
        ("TM", b"12", b"120000.00 ", True),
        ("TM", b"120000.5", b"120000.50 ", True),
        ("UI", b"1.2 ", b"1.2\0", True),
        ("LT", b" text ", b"text", False),
        ("US", b"\1\0", b"\1\0", True),
        ("LO", b"", b"  ", True),
    ],
)
def test_two_spellings(vr, one, other, equal):
    assert same(Element(0x00091001, vr, one), Element(0x00091001, vr, other)) is equal


def test_one_text_in_two_character_sets():
    latin, utf8 = (Element(0x00100010, "PN", "Müller^J".encode(c)) for c in ("latin-1", "utf-8"))
    assert same(latin, utf8, ["latin_1"], ["utf_8"])
    assert not same(latin, latin, ["latin_1"], ["iso8859_5"])


@pytest.mark.parametrize(
    ("modality", "keyword", "spellings"),
    [
        ("CT", "PatientName", ["Phantom^A", "Phantom^A^^^", "Phantom^A"]),
        ("CT", "RescaleType", ["HU", None, "HU"]),
        ("CT", "KVP", ["120", "120.0", "1.2E2"]),
        ("MR", "RescaleSlope", ["1", None, "1.0"]),
        ("CT", "Modality", ["CT", "CT ", "CT"]),
    ],
)
def test_a_series_agrees_where_it_means_the_same(modality, keyword, spellings):
    datasets = make_series(modality, 3, **{keyword: lambda k: spellings[k]})
    if keyword == "RescaleSlope":
        for dataset, spelling in zip(datasets, spellings, strict=True):
            if spelling:
                dataset.RescaleIntercept = 0
    source = derive.read(datasets)
    assert str(source.value(keyword)).strip() == spellings[0]
    derive.stack(source)


def test_only_what_leads_to_something_is_a_reference():
    leading = ["ReferencedSOPInstanceUID", "ReferencedSOPClassUID", "StudyInstanceUID", "FrameOfReferenceUID"]
    assert list(map(is_reference, leading)) == [True] * 4
    assert not any(map(is_reference, ["DeviceUID", "IrradiationEventUID", "ContextUID", "PatientID"]))
