"""Pages of pictures as Secondary Capture: what is shown where, which images are referred to, and whose they are."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import MultiFrameTrueColorSecondaryCaptureImageStorage, SecondaryCaptureImageStorage

import derive
from derive.cli.main import main
from derive.display import Wishes, image_of, sight_of
from derive.display import page_of as page_of_sight
from derive.display.draw import INK, LETTERS, PAPER
from derive.errors import UsageError
from derive.model.grey import asked
from tests.helpers.asserting import every, raises_code
from tests.helpers.cines import make_cine
from tests.helpers.coloured import make_coloured
from tests.helpers.enhanced import assert_accepted, saved
from tests.helpers.sources import ROOT, make_series

MONTAGE = "Source image for montage"
WINDOW = (-50.0, 700.0)


def page_of(series, number=0):
    return series.frames.slab(number, number + 1)[0]


def test_colours_have_no_window():
    with raises_code("SHOW-COLOUR"):
        derive.capture(derive.read([make_coloured()]), window=(40, 80))


def has(page, colour):
    return bool((page == np.array(colour, np.uint8)).all(axis=-1).any())


def pictures_on(page):
    """Boxes (top, bottom, left, right) of what is no paper, of a page without any text."""
    other = (page != np.array(PAPER, np.uint8)).any(axis=-1)
    rows, columns = (np.flatnonzero(np.diff(np.pad(other.any(axis=a).astype(int), 1))) for a in (1, 0))
    return [(t, b, left, r) for t, b in rows.reshape(-1, 2) for left, r in columns.reshape(-1, 2)]


def test_a_page_shows_slices_from_head_to_feet():
    ct = derive.read(make_series(shape=(12, 14), count=6))
    page = page_of(derive.capture(ct, layout=(2, 3), window=WINDOW))
    boxes = pictures_on(page)
    assert len(boxes) == 6
    for place, (top, bottom, left, right) in enumerate(boxes):
        values = np.asarray(ct)[5 - place]
        shown = Image.fromarray(page[top:bottom, left:right]).resize((14, 12), Image.Resampling.BOX)
        wanted = asked(WINDOW).levels(values)
        assert np.corrcoef(np.asarray(shown)[..., 0].ravel(), wanted.ravel())[0, 1] > 0.9
        height, width = bottom - top, right - left
        assert height / width == pytest.approx(12 * 1.25 / 14, rel=0.02)  # pixels of 1.25 x 1 mm


@pytest.mark.parametrize(
    ("said", "code", "frames"),
    [
        ({"layout": "1x2"}, "Spatially-related frames extracted from the volume", [5, 2]),
        ({"layout": "2x3"}, "Spatially-related frames extracted from the volume", [6, 5, 4, 3, 2, 1]),
        ({"layout": "2x2", "plane": "coronal"}, "Multiplanar reformatting", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_images_that_are_shown_are_referred_to_and_no_others(said, code, frames, tmp_path):
    source = saved(tmp_path / "ct", *make_series(LossyImageCompression=lambda k: "01" if k == 0 else None))
    series = derive.capture(source, **said)
    series.write(tmp_path / "out")
    assert derive.check(tmp_path / "out").ok()
    assert_accepted(source, tmp_path / "out")
    (image,) = (pydicom.dcmread(p) for p in (tmp_path / "out").glob("*.dcm"))
    np.testing.assert_array_equal(image.pixel_array, page_of(series))
    items = image.SourceImageSequence
    assert sorted(i.ReferencedSOPInstanceUID for i in items) == sorted(f"{ROOT}.4.{n}" for n in frames)
    assert {i.PurposeOfReferenceCodeSequence[0].CodeMeaning for i in items} == {MONTAGE}
    assert [c.CodeMeaning for c in image.DerivationCodeSequence] == [code]
    assert image.SOPClassUID == SecondaryCaptureImageStorage
    assert (image.BurnedInAnnotation, image.ColorSpace, image.Modality) == ("NO", "SRGB", "CT")
    assert (image.get("LossyImageCompression") == "01") == (1 in frames)
    assert not {"ImagePositionPatient", "PixelSpacing", "FrameOfReferenceUID"} & {*image.dir()}


def test_letters_scale_captions_and_patient_stand_there_only_where_they_are_asked_for():
    ct = derive.read(make_series(count=3))
    plain, letters = (page_of(derive.capture(ct, layout="1x1", letters=said)) for said in (False, True))
    assert (has(plain, LETTERS), has(letters, LETTERS)) == (False, True)
    values = {name: page_of(derive.capture(ct, layout="1x1", **{name: True})) for name in ("scale", "captions")}
    assert not has(plain[:30], INK)
    assert every(has(np.concatenate([page[:40], page[-40:]]), INK) for page in values.values())
    named = derive.capture(ct, layout="1x1", patient=True)
    assert page_of(named).shape[0] > plain.shape[0]
    assert next(named.instances()).BurnedInAnnotation == "YES"
    assert "patient=True" in named.derivation.description
    assert "Doe" not in named.derivation.description


@pytest.mark.parametrize("kind", ["secondary-capture", "multi-frame-secondary-capture"])
def test_every_slice_on_as_many_pages_as_it_takes(kind, tmp_path):
    source = saved(tmp_path / "ct", *make_series(count=7))
    series = derive.capture(source, layout="2x2", every=1, captions=True, into=kind)
    assert series.frames.shape[0] == 2
    series.write(tmp_path / "out")
    assert derive.check(tmp_path / "out").ok()
    assert_accepted(source, tmp_path / "out")
    images = [pydicom.dcmread(p) for p in sorted((tmp_path / "out").glob("*.dcm"))]
    if kind == "secondary-capture":
        assert [len(i.SourceImageSequence) for i in images] == [4, 3]
        assert {i.pixel_array.shape for i in images} == {page_of(series).shape}
    else:
        assert [i.SOPClassUID for i in images] == [MultiFrameTrueColorSecondaryCaptureImageStorage]
        assert (images[0].NumberOfFrames, len(images[0].SourceImageSequence)) == (2, 7)


def test_pages_with_longer_captions_and_an_empty_row_are_of_one_size():
    ct = derive.read(make_series(count=12, shape=(4, 4), step=9.5))
    series = derive.capture(ct, layout="3x3", every=1, captions=True, letters=True, scale=True, patient=True)
    assert series.frames.shape[0] == 2
    last = page_of(series, 1)
    assert has(last, INK)
    assert (last[-20:] == np.array(PAPER, np.uint8)).all()


def test_frames_of_a_cine_are_shown_and_somebody_says_that_nothing_is_burned_in(tmp_path):
    source = saved(tmp_path / "xa", make_cine())
    with raises_code("GIV-BURNED", UsageError):
        derive.capture(source, layout="2x2")
    series = derive.capture(source, layout="2x2", scale=True, letters=True, set={"BurnedInAnnotation": "NO"})
    assert len(series.frames.contributors(0)) == 4
    assert series.derivation.codes[0].keyword == "TemporallyRelatedFramesExtractedFromTheSetOfVolumes"
    image = next(series.instances())
    assert sorted(int(i.ReferencedFrameNumber) for i in image.SourceImageSequence) == [2, 4, 6, 8]


def test_pages_say_that_they_are_not_drawn_again(tmp_path):
    source = saved(tmp_path / "ct", *make_series())
    derive.capture(source, layout="1x2").write(tmp_path / "out")
    found = derive.verify(tmp_path / "out", source)
    assert found.verdict == "NOT-RECOMPUTABLE"
    assert "pages of pictures" in found.reason
    assert found.sources[:2] == (2, 2)


def test_colours_are_shown_as_they_are(tmp_path):
    picture = np.zeros((1, 40, 50, 3), np.uint8)
    picture[0, 10:30, 10:40] = (250, 120, 10)
    source = saved(tmp_path / "us", make_coloured(picture=picture))
    page = page_of(derive.capture(source, layout="1x1", set={"BurnedInAnnotation": "NO"}))
    assert (page == np.array((250, 120, 10), np.uint8)).all(axis=-1).sum() > 5000
    shown = image_of(page_of_sight(sight_of(source)))
    assert (np.asarray(shown) == np.array((250, 120, 10), np.uint8)).all(axis=-1).sum() > 5000
    with raises_code("SHOW-COLOUR", UsageError):
        page_of_sight(sight_of(source), Wishes(window=(40, 400)))


WRONG = [
    ({"layout": "3"}, "CAP-LAYOUT"),
    ({"layout": "0x3"}, "CAP-LAYOUT"),
    ({"layout": (3, 21)}, "CAP-LAYOUT"),
    ({"plane": "frontal"}, "SHOW-PLANE"),
    ({"window": (40, 0)}, "SHOW-WINDOW"),
    ({"every": 0}, "CAP-EVERY"),
    ({"into": "enhanced"}, "OPT-FORM"),
    ({"colour": "red"}, "OPT-UNKNOWN"),
    ({"set": {"BurnedInAnnotation": "PERHAPS"}}, "SET-VALUE"),
]


@pytest.mark.parametrize(("said", "code"), WRONG, ids=[f"{code}-{k}" for k, (_, code) in enumerate(WRONG)])
def test_what_cannot_be_is_refused(said, code):
    with raises_code(code, UsageError):
        derive.capture(make_series(), **said)


def test_the_command_line_writes_pages(tmp_path):
    source = saved(tmp_path / "ct", *make_series())
    words = ["--layout", "2x2", "--plane", "coronal", "--letters", "--scale", "--window", "40", "400"]
    assert main(["capture", str(source), "-o", str(tmp_path / "out"), *words]) == 0
    (image,) = (pydicom.dcmread(p) for p in (tmp_path / "out").glob("*.dcm"))
    assert image.SeriesDescription == "capture coronal 2x2: Thorax 2.0"
    said = "capture(plane='coronal', layout='2x2', window=(40, 400), letters=True, scale=True)"
    assert image.DerivationDescription == said
