"""Recognised text stops a radiograph, is blanked when that is asked for, and is never told."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset

from derive.deidentification.pixels import recognised
from derive.deidentification.pixels.plan import PixelPlan
from derive.deidentification.pixels.recognised import sensitive_words
from derive.deidentification.pixels.tesseract import SeenWord, is_there, words_in
from derive.deidentification.text.identifiers import Identifier
from derive.pixels.area import Area
from tests.helpers.asserting import each, raises_code
from tests.helpers.burned_in import CR, MR, Kind, cleaned, dataset, samples_of

needs_tesseract = pytest.mark.skipif(not is_there(), reason="the program tesseract is not installed")
ROWS, COLUMNS = 120, 300
WORDS = {"GALLAGHER": (10, 5), "Portable": (180, 30), "17/03/1962": (10, 60), "Upright": (180, 90)}


def picture(words: dict[str, tuple[int, int]]) -> np.ndarray:
    page = Image.new("L", (COLUMNS, ROWS))
    pen = ImageDraw.Draw(page)
    for text, place in words.items():
        pen.text(place, text, fill=255, font=ImageFont.load_default(20))
    return np.array(page)


def image(sop_class: str = CR, words: dict[str, tuple[int, int]] = WORDS, **attributes) -> Dataset:
    kind = Kind("MONOCHROME2", (0,), 1, 8, 8, sop_class=sop_class)
    ds = dataset(kind, np.zeros((1, 64, 96, 1)), PatientBirthDate="19620317", **attributes)
    ds.PatientName, ds.Rows, ds.Columns = "GALLAGHER^CANDACE", ROWS, COLUMNS
    ds.PixelData = picture(words).tobytes()
    return ds


def read_back(ds: Dataset) -> set[str]:
    found = (word for word in words_in(samples_of(ds)[0, ..., 0].astype(np.uint8), 0) if word.confidence >= 60)
    return {word.text for word in found if sum(map(str.isalnum, word.text)) > 2}


@needs_tesseract
def test_text_stops_a_radiograph_whose_words_are_not_told():
    with raises_code("DEID-BURNED-IN") as caught:
        cleaned(image(), PixelPlan())
    assert not any(word in str(caught.value) for word in each(WORDS))


@needs_tesseract
def test_a_radiograph_without_text_goes():
    result, _ = cleaned(image(words={}), PixelPlan())
    assert (result.changed, result.risks) == (False, ())


@needs_tesseract
def test_a_marker_of_the_side_is_no_text():
    result, _ = cleaned(image(words={"L": (150, 60)}), PixelPlan())
    assert not result.changed


@needs_tesseract
def test_text_is_told_of_what_need_not_be_feared_if_somebody_asks():
    quiet, _ = cleaned(image(MR), PixelPlan())
    assert (quiet.reading, quiet.risks) == (None, ())
    asked, _ = cleaned(image(MR), PixelPlan(ocr="report"))
    assert [risk.name for risk in asked.risks] == ["text"]
    assert not asked.changed
    assert not any(word in repr(asked) for word in each(WORDS))


@needs_tesseract
def test_all_text_is_blanked_when_that_is_asked_for_and_nobody_answers_for_it():
    result, after = cleaned(image(), PixelPlan(ocr="blank"))
    assert read_back(after) == set()
    assert (result.vouched, [risk.name for risk in result.risks]) == (False, ["radiograph"])


@needs_tesseract
def test_sensitive_text_alone_is_blanked():
    _, after = cleaned(image(), PixelPlan(ocr="blank", ocr_text="sensitive"))
    assert read_back(after) == {"Portable", "Upright"}


def test_without_the_program_it_is_said_that_nobody_looked(monkeypatch):
    monkeypatch.setattr(recognised, "is_there", lambda: False)
    result, _ = cleaned(image(), PixelPlan())
    assert [(risk.name, risk.gate) for risk in result.risks] == [("radiograph", "tell")]


@needs_tesseract
def test_what_cannot_be_decoded_is_not_looked_at_and_said():
    source = image()
    source.PixelData = source.PixelData[:500]
    result, _ = cleaned(source, PixelPlan())
    assert [(risk.name, risk.gate) for risk in result.risks] == [("radiograph", "tell")]
    source.SOPClassUID = MR
    result, _ = cleaned(source, PixelPlan(ocr="report"))
    assert [(risk.name, risk.gate) for risk in result.risks] == [("text", "tell")]
    with raises_code("VAL-TRUNCATED"):
        cleaned(source, PixelPlan(ocr="blank"))


@pytest.mark.parametrize("ocr", ["report", "blank"])
def test_without_the_program_what_was_asked_for_is_refused(monkeypatch, ocr):
    monkeypatch.setattr("derive.deidentification.pixels.tesseract.is_there", lambda: False)
    with raises_code("DEID-OCR"):
        cleaned(image(), PixelPlan(ocr=ocr))


@pytest.mark.parametrize(
    ("text", "is_sensitive"),
    [
        ("GALLAGHER", True), ("gallagher,", True), ("GALLAGHEP", True), ("MRN-77881", True), ("MRN-7788l", True),
        ("17/03/1962", True), ("+49-30-1234567", True), ("2020.01.02", True), ("00047431395", True),
        ("Portable", False), ("Upright", False), ("120kV", False), ("5.0", False), ("R", False), ("Gall", False),
    ],
)  # fmt: skip
def test_what_of_a_picture_is_sensitive(text, is_sensitive):
    own = frozenset([Identifier("name", "GALLAGHER^CANDACE"), Identifier("id", "MRN-77881")])
    found = sensitive_words([SeenWord(text, 90.0, Area(0, 0, 9, 9), (0,))], own)
    assert bool(found) is is_sensitive
