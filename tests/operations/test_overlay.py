"""One series over another: colours as matplotlib blends them, both as sources, and what is refused."""

from __future__ import annotations

import matplotlib
import nibabel
import numpy as np
import pydicom
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

import derive
from derive.cli.main import main
from derive.errors import GeometryError, SourceError, UsageError
from derive.operations import gaussian_blur, overlay
from derive.operations.kit.steps import planned
from derive.pixels.palettes import colour_of_number, of_cielab
from tests.helpers.asserting import each, raises_code
from tests.helpers.beside import another_series
from tests.helpers.enhanced import assert_accepted, saved
from tests.helpers.segmented import bodies, segmented
from tests.helpers.sources import ROOT, make_series

SHAPE = (40, 50)
SOURCE = "Source image for image processing operation"
WINDOW, ENDS = (-50.0, 700.0), (600.3, 1299.1)
#: Of the values of a PET.
WARM = (900.0, 800.0)


def uptake(index, stored):
    rows, columns = np.ogrid[: stored.shape[0], : stored.shape[1]]
    return np.where((rows - 12) ** 2 + (columns - 30 - index) ** 2 < 90, stored, 0)


def two(modality="CT", over="PT", **changes):
    first = derive.read(make_series(modality, shape=SHAPE))
    return first, derive.read(another_series(modality=over, stored=uptake, shape=SHAPE, **changes))


def shown(first, *steps):
    frames = planned(first, list(steps))[1]
    return frames.slab(0, frames.count)


def by_matplotlib(below, above, colormap, alpha, window=WINDOW, inverted=False):
    """One slice, drawn by matplotlib itself: an image in grey, and one in colours over it."""
    figure = Figure(figsize=(below.shape[1] / 100, below.shape[0] / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    low, high = window[0] - window[1] / 2, window[0] + window[1] / 2
    levels = np.rint(np.clip((below - low) / (high - low), 0, 1) * 255)
    axes.imshow(255 - levels if inverted else levels, cmap="gray", vmin=0, vmax=255, interpolation="none")
    seen = np.ma.masked_where(above <= ENDS[0], above)
    axes.imshow(seen, cmap=colormap, vmin=ENDS[0], vmax=ENDS[1], alpha=alpha, interpolation="none")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


@pytest.mark.parametrize("colormap", ["hot", "viridis", "jet"])
@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_it_is_blended_as_matplotlib_does(colormap, alpha):
    first, second = two()
    found = shown(first, overlay(second, colormap=colormap, alpha=alpha, window=WINDOW, over_window=ENDS))
    for k in range(3):
        values = np.asarray(second)[k]
        off = np.abs(found[k].astype(int) - by_matplotlib(np.asarray(first)[k], values, colormap, alpha))
        assert (off > 1).mean() < 2e-3
        assert off.max() <= 2  # Agg cuts off what is left of 8 bits, twice
        grey = shown(first, overlay(second, alpha=0.0, window=WINDOW, over_window=ENDS))[k].astype(float)
        colours = matplotlib.colormaps[colormap](Normalize(*ENDS, clip=True)(values))[..., :3] * 255
        exact = grey + (colours - grey) * np.where(values > ENDS[0], alpha, 0)[..., None]
        assert np.abs(found[k] - exact).max() <= 1
    assert (found.max(axis=-1) != found.min(axis=-1)).any() == (alpha > 0)


def test_opacity_can_grow_with_the_value():
    first, second = two()
    said = {"colormap": "hot", "window": WINDOW, "over_window": ENDS}
    found = shown(first, overlay(second, alpha=0.6, alpha_by="value", **said))[0].astype(float)
    none, whole = (shown(first, overlay(second, alpha=a, **said))[0].astype(float) for a in (0.0, 1.0))
    share = np.clip((np.asarray(second)[0] - ENDS[0]) / (ENDS[1] - ENDS[0]), 0, 1)[..., None] * 0.6
    assert np.abs(found - (none + (whole - none) * share)).max() <= 1


@pytest.mark.parametrize(
    ("modality", "window", "changes"), [("CT", WINDOW, {"PhotometricInterpretation": "MONOCHROME1"}), ("PT", WARM, {})]
)
def test_what_is_looked_at_inverted_is_below_too(modality, window, changes):
    first = derive.read(make_series(modality, shape=SHAPE, **changes))
    second = derive.read(another_series(modality="MR", stored=uptake, shape=SHAPE))
    found = shown(first, overlay(second, colormap="hot", alpha=0.4, window=window, over_window=ENDS))
    wanted = by_matplotlib(np.asarray(first)[0], np.asarray(second)[0], "hot", 0.4, window, inverted=True)
    assert np.abs(found[0].astype(int) - wanted).max() <= 1


def test_a_second_series_whose_highest_value_is_the_darkest_has_its_colours_the_other_way():
    first, plain = two(over="CT")
    _, turned = two(over="CT", PhotometricInterpretation="MONOCHROME1")
    said = {"alpha": 1.0, "window": WINDOW}
    found = shown(first, overlay(turned, over_window=(0.0, 1300.0), **said)).astype(int)
    ends = shown(first, overlay(plain, over_window=(1299.0, 1300.0), **said)).astype(int)
    lowest, highest = np.asarray(plain)[0] <= 0, np.asarray(plain)[0] >= 1300
    assert (found[0][lowest] == 255).all()
    assert not highest.any() or (found[0][highest] == ends[0][highest]).all()


def test_windows_are_the_series_own_and_recorded():
    first, second = two()
    series = derive.build(first, overlay(second))
    said = series.derivation.steps[0].parameters
    assert said["window"] == pytest.approx((39.5, 399))  # LINEAR 40 400, by its ends
    values = np.asarray(second)
    assert said["over_window"] == (0, pytest.approx(np.percentile(values[values > 0], 99.9), rel=1e-3))
    assert f"over_window=(0, {said['over_window'][1]:g})" in series.derivation.description
    assert "window=(39.5, 399)" in series.derivation.description


def test_padding_and_what_is_not_there_show_the_first_series_alone():
    first, _ = two()
    second = derive.read(another_series(modality="PT", count=2, stored=uptake, shape=SHAPE))
    found = shown(first, overlay(second, colormap="hot", alpha=1.0, window=WINDOW, over_window=ENDS))
    alone = shown(first, overlay(second, alpha=0.0, window=WINDOW, over_window=ENDS))
    assert (found[1] != alone[1]).any()
    np.testing.assert_array_equal(found[3:], alone[3:])


@pytest.mark.parametrize("kind", [None, "multi-frame-secondary-capture"])
def test_it_becomes_secondary_capture_at_the_places_of_the_first(kind, tmp_path):
    paths = [tmp_path / "both" / name for name in ("ct", "pt")]
    paths[0].parent.mkdir()
    saved(paths[0], *make_series(shape=SHAPE))
    saved(paths[1], *another_series(modality="PT", stored=uptake, shape=SHAPE, LossyImageCompression="01"))
    first, second = (derive.read(p) for p in paths)
    series = derive.build(first, overlay(second, colormap="hot"), into=kind)
    series.write(tmp_path / "out")
    assert derive.check(tmp_path / "out").ok()
    assert_accepted(paths[0].parent, tmp_path / "out")
    images = [pydicom.dcmread(p) for p in sorted((tmp_path / "out").glob("*.dcm"))]
    pixels = images[0].pixel_array if kind else np.stack([i.pixel_array for i in images])
    np.testing.assert_array_equal(pixels, shown(first, overlay(second, colormap="hot")))
    for k, image in enumerate(each(images)):
        assert (image.PhotometricInterpretation, image.PlanarConfiguration, image.BitsAllocated) == ("RGB", 0, 8)
        assert (image.ColorSpace, image.ICCProfile[12:16]) == ("SRGB", b"scnr")
        assert image.FrameOfReferenceUID == f"{ROOT}.3"
        assert image.BurnedInAnnotation == "NO"
        assert image.get("RecognizableVisualFeatures") is None
        assert image.LossyImageCompression == "01"
        assert image.Modality == "CT"
        if not kind:
            assert list(image.ImagePositionPatient) == list(first.geometry.position(k))
            items = image.SourceImageSequence
            assert [i.ReferencedSOPInstanceUID for i in items] == [f"{ROOT}.4.{k + 1}", f"{ROOT}.24.{k + 1}"]
            assert {i.PurposeOfReferenceCodeSequence[0].CodeMeaning for i in items} == {SOURCE}
            codes = [c.CodeMeaning for c in image.DerivationCodeSequence]
            assert codes == ["Pixel by pixel addition"]


@pytest.mark.parametrize(
    ("mine", "theirs", "wanted"),
    [
        (None, None, ("NO", None)),
        ("YES", None, ("YES", "YES")),
        ("NO", "YES", ("YES", "YES")),
        ("NO", "NO", ("NO", "NO")),
    ],
)
def test_burned_in_and_recognizable_are_what_both_say(mine, theirs, wanted, tmp_path):
    keywords = ("BurnedInAnnotation", "RecognizableVisualFeatures")
    first, _ = derive.read(make_series(**dict.fromkeys(keywords, mine))), None
    second = derive.read(another_series(modality="PT", **dict.fromkeys(keywords, theirs)))
    image = next(derive.build(first, overlay(second)).instances())
    assert tuple(image.get(k) for k in keywords) == wanted


@pytest.mark.parametrize("kind", [None, "multi-frame-secondary-capture"])
@pytest.mark.parametrize("over", ["a series", "a segmentation"])
def test_it_is_computed_again_and_a_pixel_that_was_changed_is_found(over, kind, tmp_path):
    shape = (11, 13)
    (tmp_path / "in").mkdir()
    saved(tmp_path / "in" / "ct", *make_series(shape=shape))
    saved(tmp_path / "in" / "pt", *another_series(modality="PT", shape=shape, stored=uptake))
    seg, _ = segmentation(tmp_path / "in")
    second = derive.read(tmp_path / "in" / "pt") if over == "a series" else derive.read_segmentation(seg)
    derive.build(derive.read(tmp_path / "in" / "ct"), overlay(second), into=kind).write(tmp_path / "out")
    assert derive.verify(tmp_path / "out", tmp_path / "in").verdict == "SAME"
    path = sorted((tmp_path / "out").glob("*.dcm"))[0]
    image = pydicom.dcmread(path)
    spoiled = bytearray(image.PixelData)
    spoiled[7] ^= 64
    image.PixelData = bytes(spoiled)
    image.save_as(path)
    found = derive.verify(tmp_path / "out", tmp_path / "in")
    assert (found.verdict, len(found.differing), found.differing[0].voxels) == ("DIFFERS", 1, 1)


def test_another_grid_is_resampled_and_recorded():
    first = derive.read(make_series(shape=SHAPE))
    second = derive.read(another_series(modality="PT", shape=(20, 25), spacing=(2.5, 2.0), count=4, step=3.0))
    series = derive.build(first, overlay(second))
    assert [c.meaning for c in series.derivation.codes] == ["Spatial resampling", "Pixel by pixel addition"]
    assert "align='resample'" in series.derivation.description
    with raises_code("GEO-GRID", GeometryError):
        derive.build(first, overlay(second, align="geometry")).frames.slab(0, 1)


def test_it_stands_behind_another_step():
    first, second = two()
    blurred = shown(first, gaussian_blur(sigma_mm=2.0), overlay(second, alpha=0.0, window=WINDOW))
    plain = shown(first, overlay(second, alpha=0.0, window=WINDOW))
    assert 0 < blurred.std() < plain.std() * 0.8


def segmentation(tmp_path, kind="BINARY", shown_as=(), **changes):
    pixels = bodies((6, 11, 13))
    made = segmented(make_series(shape=(11, 13)), pixels * np.float32(0.8) if kind == "FRACTIONAL" else pixels, kind)
    for segment, lab in zip(made.SegmentSequence, shown_as, strict=False):
        segment.RecommendedDisplayCIELabValue = lab
    saved(tmp_path / "seg", made)
    return tmp_path / "seg", pixels.astype(bool)


def the_colour(frames, inside):
    (found,) = np.unique(frames[inside], axis=0)
    return tuple(int(v) for v in found)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_segments_have_the_colours_that_they_recommend_else_some(kind, tmp_path):
    path, pixels = segmentation(tmp_path, kind, [[43803, 26565, 37722]] if kind != "LABELMAP" else [])
    ct, one, other = derive.read(make_series(shape=(11, 13))), pixels[..., 0], pixels[..., 1]
    threshold = 0.5 if kind == "FRACTIONAL" else None
    over = overlay(derive.read_segmentation(path), alpha=1.0, threshold=threshold)
    found = shown(ct, over)
    assert np.ptp(found[~one & ~other].astype(int), axis=-1).max() == 0  # grey
    assert the_colour(found, other) == colour_of_number(2)
    recommended = of_cielab([43803, 26565, 37722])
    assert the_colour(found, one) == (colour_of_number(1) if kind == "LABELMAP" else recommended)
    assert "labels=True" in derive.build(ct, over).derivation.description


def test_one_segment_as_a_line_around_it(tmp_path):
    path, pixels = segmentation(tmp_path)
    ct, inside = derive.read(make_series(shape=(11, 13))), pixels[..., 0]
    series = derive.build(ct, overlay(derive.read_segmentation(path), segment="Liver", contour=True))
    found = series.frames.slab(0, 6).astype(int)
    painted = np.ptp(found, axis=-1) > 0
    padded = np.pad(inside, ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = [padded[:, 2:, 1:-1], padded[:, :-2, 1:-1], padded[:, 1:-1, 2:], padded[:, 1:-1, :-2]]
    np.testing.assert_array_equal(painted, inside & ~np.logical_and.reduce(around))
    assert the_colour(found, painted) == colour_of_number(1)  # wholly: a line covers
    assert series.derivation.steps[0].parameters["alpha"] == 1
    assert "segment='1'" in series.derivation.description


def test_labels_of_a_file_and_of_a_series(tmp_path):
    ct = derive.read(make_series())
    labels = np.zeros(ct.geometry.shape, np.int16)
    labels[2:4, 3:8, 4:9], labels[2:4, 8:10, 4:9] = 7, 300
    path = tmp_path / "labels.nii.gz"
    affine = np.eye(4)
    affine[:3, :3] = (ct.geometry.directions * ct.geometry.spacing)[:, ::-1]
    affine[:3, 3] = ct.geometry.first_position
    nibabel.save(nibabel.Nifti1Image(labels.transpose(2, 1, 0), np.diag([-1, -1, 1, 1]) @ affine), path)
    found = shown(ct, overlay(derive.read_volume(path, ct), labels=True, alpha=1.0))
    assert the_colour(found, labels == 7) == colour_of_number(7)
    assert the_colour(found, labels == 300) == colour_of_number(300)
    assert np.ptp(found[labels == 0].astype(int), axis=-1).max() == 0


WRONG = [
    ({"alpha": 2}, "OP-ALPHA"),
    ({"alpha": -0.1}, "OP-ALPHA"),
    ({"alpha": float("nan")}, "OP-ALPHA"),
    ({"colormap": "hotter"}, "OP-COLORMAP"),
    ({"window": (40, 0)}, "OP-WINDOW"),
    ({"window": (40, float("inf"))}, "OP-WINDOW"),
    ({"over_window": (10, 10)}, "OP-WINDOW"),
    ({"over_window": (0, 10), "labels": True}, "OP-WINDOW"),
    ({"contour": True}, "OP-LABELS"),
    ({"colormap": "pet", "labels": True}, "OP-COLORMAP"),
    ({"alpha_by": "value", "labels": True}, "OP-ALPHA"),
    ({"segment": "1"}, "OP-SEGMENT"),
    ({"align": "near"}, "OP-ALIGN"),
]


@pytest.mark.parametrize(("said", "code"), WRONG, ids=[f"{code}-{k}" for k, (_, code) in enumerate(WRONG)])
def test_what_cannot_be_is_refused(said, code):
    first, second = two()
    with raises_code(code, UsageError):
        derive.build(first, overlay(second, **said)).frames.slab(0, 1)


def test_other_patients_other_spaces_and_several_series_are_refused():
    first, second = two()
    with raises_code("SRC-PATIENT", SourceError):
        derive.build(first, overlay(derive.read(another_series(PatientID="P2"))))
    with raises_code("GEO-FOR", GeometryError):
        derive.build(first, overlay(derive.read(another_series(FrameOfReferenceUID=f"{ROOT}.77"))))
    with raises_code("OP-SERIES", UsageError):
        derive.build(first, overlay((second, second)))
    with raises_code("OPT-FORM", UsageError):
        derive.build(first, overlay(second), into="enhanced")
    with raises_code("SET-VALUE", UsageError):
        derive.build(first, overlay(second), set={"BurnedInAnnotation": "PERHAPS"})


def test_the_command_line_lays_one_over_another(tmp_path, capfd):
    ct, pt = saved(tmp_path / "ct", *make_series()), saved(tmp_path / "pt", *another_series(modality="PT"))
    words = ["--colormap", "pet", "--alpha", "0.4", "--window", "40", "400", "--over-window", "0", "900"]
    assert main(["overlay", str(ct), str(pt), "-o", str(tmp_path / "out"), *words]) == 0
    image = pydicom.dcmread(next((tmp_path / "out").glob("*.dcm")))
    assert image.SeriesDescription == "overlay pet 0.4: Thorax 2.0"
    assert "window=(40, 400), over_window=(0, 900)" in image.DerivationDescription
    assert main(["overlay", str(ct), str(pt), "-o", str(tmp_path / "no"), "--alpha", "2"]) != 0
    assert "OP-ALPHA" in capfd.readouterr().err
    assert not (tmp_path / "no").exists()
