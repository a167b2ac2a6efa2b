"""Templates in three grammars: which images they are for, and what is blanked."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from derive.deidentification.pixels.box import Box
from derive.deidentification.templates.read import load_templates, read_templates
from derive.deidentification.templates.template import Template, matching, not_looked_at
from derive.elements.datasets import from_dataset
from derive.elements.instance import Instance
from tests.helpers.asserting import each, raises_code

SCRIPT = """Comments may stand anywhere. // even http://here (like this)
 GE dose
  { [0008,0070].containsIgnoreCase("ge medical") * ( SeriesDescription.contains("Dose") + [0008103e].equals("AAA") ) *
    !Rows.isLessThan("512") }
  (0,0,512,110) (-100,-20,100,20)
 Regions
  { SeqOfUltrasoundRegions::[0018,601A].equals("7") }
  (1,2,3,4)
 Last { Modality.matches("C[TR]") }
  (5,6,7,8)
"""
OWN = """
[[template]]
name = "dose report"
when = { Modality = "ct", Manufacturer = "~ge", SeriesDescription = ["~Dose", "AAA"], Rows = 512, StudyComments = "" }
boxes = [[0, 0, 512, 110], "0,-40,*,40"]

[[template]]
when = { Modality = "!CT", "SequenceOfUltrasoundRegions.RegionLocationMinY0" = 7 }
us_regions = true
keep_only = true
"""
RECIPE = """FORMAT dicom

%filter whitelist
LABEL no coordinates # blanks nothing
  contains Modality CT

%filter graylist
LABEL Dose # (somebody)
  contains Manufacturer GE
  + contains SeriesDescription dose|aaa || empty SeriesDescription
  coordinates 10,20,512,110
  ctpcoordinates 1,2,3,4

LABEL Two checks
  equals Modality MR
  missing StudyDescription
  coordinates 0,0,9,9

%header
REMOVE PatientName
"""


def said(**values: object) -> Instance:
    """What a data set says; ``min_y`` of its ultrasound region."""
    dataset = Dataset()
    if "min_y" in values:
        region = Dataset()
        region.RegionLocationMinY0 = values.pop("min_y")
        dataset.SequenceOfUltrasoundRegions = [region]
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return Instance("an instance", from_dataset(dataset))


def names(text: str, **values: object) -> list[str]:
    return [t.name.rpartition(" ")[2] for t in matching(read_templates(text, "t"), said(**values))]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"Manufacturer": "GE MEDICAL SYSTEMS", "SeriesDescription": "Dose Report", "Rows": 512}, ["1"]),
        ({"Manufacturer": "GE MEDICAL SYSTEMS", "SeriesDescription": "AAA", "Rows": 600, "Modality": "CT"}, ["1"]),
        ({"Manufacturer": "GE MEDICAL SYSTEMS", "SeriesDescription": "dose", "Rows": 600}, []),
        ({"Manufacturer": "GE MEDICAL SYSTEMS", "SeriesDescription": "Dose Report", "Rows": 511}, []),
        ({"min_y": 7, "Modality": "CT"}, ["2"]),
        ({"min_y": 8, "Modality": "CR"}, ["3"]),
        ({"min_y": 8, "Modality": "MR"}, []),
        ({}, []),
    ],
)
def test_a_script_of_ctp(values: dict[str, object], expected: list[str]) -> None:
    """Or, and, not, parentheses, tags in both spellings, sequences, comments; the first that matches holds."""
    assert names(SCRIPT, **values) == expected


def test_the_regions_of_a_script() -> None:
    """Negative ones count from the far edge."""
    first = read_templates(SCRIPT, "t")[0]
    assert first.boxes_in(512, 512) == (Box(0, 0, 512, 110), Box(-100, -20, 100, 20))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"Modality": "CT", "Manufacturer": "GE", "SeriesDescription": "AAA", "Rows": 512}, ["report"]),
        ({"Modality": "CT", "Manufacturer": "GE", "SeriesDescription": "AAAA", "Rows": 512}, []),
        ({"Modality": "CT", "Manufacturer": "GE", "SeriesDescription": "AAA", "Rows": 512, "StudyComments": "x"}, []),
        ({"Modality": "US", "min_y": 7}, ["2"]),
        ({"Modality": "CT", "min_y": 7}, []),
    ],
)
def test_our_own(values: dict[str, object], expected: list[str]) -> None:
    """Whole values whatever their case, parts of them, none, one of several, numbers, and what is in a sequence."""
    assert names(OWN, **values) == expected


def test_what_ours_blank() -> None:
    """Boxes in both spellings, and regions of which all outside goes."""
    report, regions = read_templates(OWN, "t")
    assert report.boxes == (Box(0, 0, 512, 110), Box(0, -40, None, 40))
    assert (regions.keep_only, regions.us_regions) == (True, True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"Manufacturer": "GE", "SeriesDescription": "A Dose", "StudyDescription": "x"}, ["Dose"]),
        ({"Manufacturer": "GE", "SeriesDescription": "", "StudyDescription": "x"}, ["Dose"]),
        ({"Manufacturer": "GE", "SeriesDescription": "other", "StudyDescription": "x"}, []),
        ({"Manufacturer": "GE", "SeriesDescription": "A Dose"}, ["Dose", "checks"]),
        ({"Modality": "MR", "StudyDescription": "x"}, ["checks"]),
    ],
)
def test_filters_of_deid(values: dict[str, object], expected: list[str]) -> None:
    """From left to right, lines without an operator are checks of their own, and all labels that match hold."""
    assert names(RECIPE, **values) == expected


def test_coordinates_of_deid() -> None:
    """Two corners; of CTP a corner and a size."""
    assert read_templates(RECIPE, "t")[0].boxes == (Box(10, 20, 502, 90), Box(1, 2, 3, 4))


def test_what_stays_goes_before_what_is_blanked_as_a_whole() -> None:
    """The ultrasound recipe of deid: all of the picture, and then its regions not."""
    text = (
        "%filter g\nLABEL Blank\ncoordinates all\nLABEL Regions\npresent SequenceOfUltrasoundRegions\n"
        "keepcoordinates from:SequenceOfUltrasoundRegions"
    )
    assert names(text, Modality="US") == ["Blank"]
    (regions,) = matching(read_templates(text, "t"), said(min_y=7))
    assert (regions.keep_only, regions.us_regions) == (True, True)


def test_a_box_outside_of_an_image_is_refused() -> None:
    """When the size is known from the condition at once, else when it is."""
    with raises_code("DEID-TEMPLATE"):
        read_templates('{ Rows.equals("480") } (0,480,10,10)', "t")
    (template,) = read_templates('{ Modality.equals("CT") } (0,480,10,10)', "t")
    assert template.boxes_in(481, 10)
    with raises_code("DEID-TEMPLATE"):
        template.boxes_in(480, 10)


def test_attributes_that_no_image_is_asked_for_are_told() -> None:
    """Private ones and those of overlays: a template that asks for them never holds."""
    text = '{ [6000,0022].contains("x") + [0009,1001].contains("y") + Modality.equals("CT") } (0,0,1,1)'
    templates = read_templates(text, "t")
    assert not_looked_at(templates) == ("(0009,1001)", "OverlayDescription")
    assert [len(matching(templates, said(Modality=modality))) for modality in ("CT", "MR")] == [1, 0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{ Modality.equal("CT") } (0,0,1,1)', "DEID-TEMPLATE"),
        ('{ Modality.equals("CT") } (0,0,1)', "DEID-TEMPLATE"),
        ('{ Modality.equals("CT") } comment { Modality.equals("MR") } (0,0,1,1)', "DEID-TEMPLATE"),
        ('{ Modality.equals("CT") * } (0,0,1,1)', "DEID-TEMPLATE"),
        ('{ Modality.equals("CT") Modality.equals("CT") } (0,0,1,1)', "DEID-TEMPLATE"),
        ('{ (Modality.equals("CT") } (0,0,1,1)', "DEID-TEMPLATE"),
        ('{ Modality.equals("CT") } (0,0,1,1) }', "DEID-TEMPLATE"),
        ('{ Modality.matches("[") } (0,0,1,1)', "DEID-TEMPLATE"),
        ('{ Modallity.equals("CT") } (0,0,1,1)', "DEID-TEMPLATE"),
        ("[[template]]", "DEID-TEMPLATE"),
        ("[[template]]\nboxes = [[0, 0, 1]]", "DEID-TEMPLATE"),
        ("[[template]]\nboxes = 'some'", "DEID-TEMPLATE"),
        ("[[template]]\nbox = [[0, 0, 1, 1]]", "DEID-TEMPLATE"),
        ("[[template]]\nus_regions = 'yes'", "DEID-TEMPLATE"),
        ("[[template]]\nboxes = [[0, 0, 1, 1]]\nwhen = { Modallity = 'CT' }", "DEID-TAG"),
        ("[[template]]\nboxes = [[0, 0, 1, 1]]\nwhen = { Modality = { a = 1 } }", "DEID-TEMPLATE"),
        ("[[template]]\nboxes = [[0, 0, 1, 1]]\n[other]\na = 1", "DEID-TEMPLATE"),
        ("neither of them", "DEID-TEMPLATE"),
        ("%filter g\nLABEL a\ncontains Modality\ncoordinates 0,0,1,1", "DEID-TEMPLATE"),
        ("%filter g\nLABEL a\nholds Modality CT\ncoordinates 0,0,1,1", "DEID-TEMPLATE"),
        ("%filter g\nLABEL a\ncontains Modality CT\ncoordinates 9,0,1,1", "DEID-TEMPLATE"),
        ("%filter g\nLABEL a\ncontains Modality CT\ncoordinates from:OverlayData", "DEID-TEMPLATE"),
        ("%filter g\nLABEL a\ncontains Manfacturer GE\ncoordinates 0,0,1,1", "DEID-TAG"),
    ],
)
def test_what_is_none_is_said(text: str, code: str) -> None:
    """Before any image is looked at."""
    with raises_code(code):
        read_templates(text, "t")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """Absent, and no text."""
    with raises_code("DEID-TEMPLATE"):
        load_templates(tmp_path / "absent.toml")
    (tmp_path / "t.toml").write_bytes(b"\xff\xfe\x00")
    with raises_code("DEID-TEMPLATE"):
        load_templates(tmp_path / "t.toml")


def test_recipes_that_deid_ships_are_read() -> None:
    """Two of its three; in the third a keyword is misspelled, and such a template would never be for any image."""
    data = pytest.importorskip("deid.data", reason="deid is not installed")
    for name in each(["deid.dicom.ultrasound", "deid.dicom.xray.chest"], 2):
        found = load_templates(Path(data.__file__).parent / name)
        assert [*map(type, found)] == [Template] * len(found)
