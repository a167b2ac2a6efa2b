"""Operations of several series: values by numpy, sources with their purposes, and what is refused."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from derive.cli.main import main
from derive.errors import DeriveError, GeometryError, SourceError, UsageError, ValuesError
from derive.model.volume import Volume
from derive.operations import REGISTRY, divide, gaussian_blur, mask, maximum, mean, minimum, multiply, subtract
from tests.helpers.asserting import each, raises_code
from tests.helpers.beside import another_series
from tests.helpers.sources import ROOT, make_series

#: What each makes of two arrays.
BY_NUMPY = {
    "subtract": np.subtract,
    "add": np.add,
    "mean": lambda a, b: (a + b) / 2,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "divide": lambda a, b: np.where(b == 0, np.nan, a / np.where(b == 0, 1, b)),
    "multiply": np.multiply,
    "mask": lambda a, b: np.where(b > 0, a, -1000),
}
SAID = {"multiply": {"units": "1"}}
#: What an Enhanced CT demands that the sources do not say.
OF_ENHANCED = {"IrradiationEventUID": f"{ROOT}.9", "BurnedInAnnotation": "NO", "LossyImageCompression": "00"}
MASK = "Mask image for image processing operation"
SOURCE = "Source image for image processing operation"


def brighter(index, stored):
    return stored[::-1] + 7 * index


def two(modality="CT", **changes):
    first = derive.read(make_series(modality))
    return first, derive.read(another_series(modality=modality, stored=brighter, **changes))


def written(series, folder):
    series.write(folder)
    assert derive.check(folder).ok()
    return derive.read(folder), [pydicom.dcmread(p) for p in sorted(folder.glob("*.dcm"))]


def step_of(image):
    mapping = getattr(image, "RealWorldValueMappingSequence", None)
    return float(mapping[0].RealWorldValueSlope if mapping else getattr(image, "RescaleSlope", 1))


def test_every_operation_of_several_series_is_called_here():
    assert BY_NUMPY.keys() == {
        name for name, kind in REGISTRY.items() if kind.others and not (kind.agreeing or kind.makes_colours)
    }


@pytest.mark.parametrize("name", BY_NUMPY)
@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_values_are_those_of_numpy(name, modality, tmp_path):
    first, second = two(modality)
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    series = derive.build(first, REGISTRY[name](second, **SAID.get(name, {})))
    back, images = written(series, tmp_path / "out")
    wanted = np.where(b > 0, a, first.volume.quantity.fill) if name == "mask" else BY_NUMPY[name](a, b)
    step = max(step_of(image) for image in images)
    np.testing.assert_allclose(np.asarray(back), wanted, atol=0.51 * step + 1e-6 * np.nanmax(np.abs(wanted)))


@pytest.mark.parametrize("name", BY_NUMPY)
def test_both_series_are_sources_with_their_purpose(name, tmp_path):
    first, second = two()
    _, images = written(derive.build(first, REGISTRY[name](second, **SAID.get(name, {}))), tmp_path / "out")
    uids = [(f.SOPInstanceUID, s.SOPInstanceUID) for f, s in zip(make_series(), another_series(), strict=True)]
    for image, (mine, theirs) in zip(images, uids, strict=True):
        items = image.SourceImageSequence
        assert [i.ReferencedSOPInstanceUID for i in items] == [mine, theirs]
        assert [i.SpatialLocationsPreserved for i in items] == ["YES", "YES"]
        purposes = [i.PurposeOfReferenceCodeSequence[0].CodeMeaning for i in items]
        assert purposes == [SOURCE, MASK if name in ("subtract", "mask") else SOURCE]
        listed = {s.SeriesInstanceUID for s in image.ReferencedSeriesSequence}
        assert listed == {f"{ROOT}.2", f"{ROOT}.22"}


def test_a_series_of_another_study_is_found_through_its_study(tmp_path):
    first, second = two(study=f"{ROOT}.99", StudyDate="20250101", PatientBirthDate="")
    _, images = written(derive.build(first, subtract(second)), tmp_path / "out")
    for image in images:
        assert image.StudyInstanceUID == f"{ROOT}.1"
        assert (image.StudyDate, image.PatientBirthDate) == ("20260102", "19700101")
        (study,) = image.StudiesContainingOtherReferencedInstancesSequence
        assert study.StudyInstanceUID == f"{ROOT}.99"
        assert study.ReferencedSeriesSequence[0].SeriesInstanceUID == f"{ROOT}.22"


def test_what_series_say_differently_of_the_patient_is_not_pulled(tmp_path):
    first, second = two(PatientBirthDate="19710101", StudyDescription="Another")
    _, images = written(derive.build(first, subtract(second)), tmp_path / "out")
    for image in images:
        assert image.PatientBirthDate == ""
        assert "StudyDescription" not in image
        assert image.PatientName == "Doe^Jane"


def test_one_series_stored_with_two_slopes_is_the_same(tmp_path):
    first = derive.read(make_series(RescaleSlope=1))
    second = derive.read(another_series(stored=lambda _, s: (s - 1024) // 2, RescaleSlope=2, RescaleIntercept=0))
    exact = derive.read(make_series(RescaleSlope=2, RescaleIntercept=-1024))
    halves = derive.read(another_series(stored=lambda _, s: s * 2, RescaleSlope=1, RescaleIntercept=-1024))
    back, images = written(derive.build(exact, subtract(halves)), tmp_path / "out")
    assert not np.asarray(back).any()
    assert images[0].RescaleType == "US"
    assert np.abs(np.asarray(derive.build(first, subtract(second)))).max() == 1


@pytest.mark.parametrize(
    "of",
    [
        lambda first, second: (first, gaussian_blur(sigma_mm=1), subtract(second)),
        lambda first, second: (first, mean(second), subtract(second)),
        lambda first, second: (derive.read(make_series(RescaleSlope=2)), subtract(second)),
        lambda first, second: (first, subtract(derive.read(another_series(RescaleSlope=0.25)))),
        lambda first, second: (first, subtract(derive.read(another_series(stored=brighter, RescaleIntercept=-1024.5)))),
        lambda first, second: (first, subtract(derive.read(another_series(spacing=(1, 0.8))), align="resample")),
    ],
    ids=["blurred", "a mean", "first coarser", "second finer", "between steps", "interpolated"],
)
def test_what_lies_between_the_steps_of_a_source_is_stored(of, tmp_path):
    source, *steps = of(*two())
    series = derive.build(source, *steps)
    back, images = written(series, tmp_path / "out")
    assert step_of(images[0]) < 0.25
    np.testing.assert_allclose(np.asarray(back), np.asarray(series), atol=0.51 * step_of(images[0]))


def test_padding_of_either_is_padding(tmp_path):
    first = derive.read(make_series(PixelPaddingValue=502))
    second = derive.read(another_series(stored=brighter, PixelPaddingValue=650))
    a, b = np.asarray(first), np.asarray(second)
    assert np.isnan(a).any()
    assert np.isnan(b).any()
    for name in each(BY_NUMPY.keys() - {"mask"}):
        result = np.asarray(derive.build(first, REGISTRY[name](second, **SAID.get(name, {}))))
        np.testing.assert_array_equal(np.isnan(result), np.isnan(a) | np.isnan(b) | (name == "divide") & (b == 0))
    masked = np.asarray(derive.build(first, mask(second)))
    np.testing.assert_array_equal(masked[np.isnan(b)], -1000)


def test_division_by_zero_is_padding(tmp_path):
    first = derive.read(make_series(RescaleIntercept=-602))
    second = derive.read(another_series(RescaleIntercept=-602))
    back, _ = written(derive.build(first, divide(second)), tmp_path / "out")
    zero = np.asarray(second) == 0
    assert zero.any()
    np.testing.assert_array_equal(np.isnan(np.asarray(back)), zero)
    np.testing.assert_allclose(np.asarray(back)[~zero], 1)


def test_a_mask_keeps_what_lies_in_it(tmp_path):
    first, second = two()
    a, b = np.asarray(first), np.asarray(second)
    np.testing.assert_array_equal(derive.build(first, mask(second, threshold=200)), np.where(b > 200, a, -1000))
    inverted = mask(second, threshold=200, inverted=True, outside=5)
    np.testing.assert_array_equal(derive.build(first, inverted), np.where(b > 200, 5, a))
    back, _ = written(derive.build(first, mask(second, threshold=200, outside="padding")), tmp_path / "out")
    np.testing.assert_array_equal(np.asarray(back), np.where(b > 200, a, np.nan))


def test_weights_are_shares():
    first, second = two()
    a, b = np.asarray(first, float), np.asarray(second, float)
    np.testing.assert_allclose(derive.build(first, mean(second, weights=(3, 1))), (3 * a + b) / 4, rtol=1e-5)


def test_three_series_are_numbered(tmp_path):
    first, second = two()
    third = derive.read(another_series(3, stored=lambda k, s: s + 1))
    series = derive.build(first, maximum([second, third]))
    wanted = np.maximum.reduce([np.asarray(first), np.asarray(second), np.asarray(third)])
    back, images = written(series, tmp_path / "out")
    np.testing.assert_array_equal(np.asarray(back), wanted)
    assert len(images[0].SourceImageSequence) == 3
    assert images[0].DerivationDescription == f"maximum(series=('{ROOT}.22', '{ROOT}.32'), align='geometry')"


def test_a_step_behind_and_one_before(tmp_path):
    first, second = two()
    series = derive.build(first, gaussian_blur(sigma_mm=1), mean(second), subtract(second))
    _, images = written(series, tmp_path / "out")
    assert [c.CodeMeaning for c in images[0].DerivationCodeSequence] == [
        "Gaussian blur",
        "Pixel by pixel mean",
        "Pixel by pixel subtraction",
    ]
    assert {i.ReferencedSOPInstanceUID for i in images[0].SourceImageSequence} >= {f"{ROOT}.24.1"}


def test_another_grid_is_refused_and_interpolated_on_request(tmp_path):
    first = derive.read(make_series())
    second = derive.read(another_series(stored=brighter, spacing=(1.0, 0.8), shape=(15, 17)))
    with raises_code("GEO-GRID", GeometryError):
        derive.build(first, subtract(second))
    series = derive.build(first, subtract(second, align="resample"))
    on_it = derive.build(second, derive.operations.resample(reference=first, fill="padding")).volume.array
    back, images = written(series, tmp_path / "out")
    np.testing.assert_allclose(np.asarray(back), np.asarray(first) - on_it, atol=0.51)
    assert [c.CodeMeaning for c in images[0].DerivationCodeSequence] == [
        "Spatial resampling",
        "Pixel by pixel subtraction",
    ]
    preserved = {i.ReferencedSOPInstanceUID: i.SpatialLocationsPreserved for i in images[0].SourceImageSequence}
    assert preserved[f"{ROOT}.4.1"] == "YES"
    assert preserved[f"{ROOT}.24.1"] == "NO"


def test_to_align_what_lies_on_the_grid_is_not_recorded():
    first, second = two()
    assert "align='geometry'" in derive.build(first, subtract(second, align="resample")).derivation.description


@pytest.mark.parametrize(
    ("code", "kind", "changes"),
    [
        ("SRC-PATIENT", SourceError, {"PatientID": "P2"}),
        ("SRC-PATIENT", SourceError, {"PatientName": "Roe^Jane"}),
        ("GEO-FOR", GeometryError, {"FrameOfReferenceUID": f"{ROOT}.33"}),
        ("GEO-FOR", GeometryError, {"FrameOfReferenceUID": None}),
        ("GEO-GRID", GeometryError, {"ImagePositionPatient": lambda k: [-10.4, 20.25, -30 + 2 * k]}),
        ("VAL-UNITS", ValuesError, {"RescaleType": "HU_MOD"}),
    ],
    ids=["id", "name", "frame", "no frame", "shifted", "units"],
)
def test_what_does_not_belong_together_is_refused(code, kind, changes):
    first = derive.read(make_series())
    with raises_code(code, kind):
        derive.build(first, subtract(derive.read(another_series(**changes))))


def test_what_lies_elsewhere_is_refused():
    first = derive.read(make_series())
    second = derive.read(another_series(ImagePositionPatient=lambda k: [-10.5, 20.25, 500 + 2 * k]))
    with raises_code("GEO-OVERLAP", GeometryError):
        derive.build(first, subtract(second, align="resample"))


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("OP-SERIES", lambda second: subtract(())),
        ("OP-SERIES", lambda second: subtract("pre/")),
        ("OP-ALIGN", lambda second: subtract(second, align="rigid")),
        ("OP-WEIGHTS", lambda second: mean(second, weights=(1,))),
        ("OP-WEIGHTS", lambda second: mean(second, weights=(1, -1))),
        ("OP-FILL", lambda second: mask(second, outside="air")),
        ("OP-PARAMETER", lambda second: minimum()),
        ("VAL-UNITS", lambda second: multiply(second)),
        ("VAL-UNITS", lambda second: divide([second, second])),
    ],
    ids=["none", "text", "align", "few weights", "negative", "fill", "missing", "product", "ratio"],
)
def test_calls_that_mean_nothing_are_refused(code, call):
    first, second = two()
    with raises_code(code, DeriveError):
        derive.build(first, call(second))


def test_the_command_takes_series_in_order(tmp_path, capsys):
    folders = [tmp_path / "post", tmp_path / "pre"]
    for folder, images in zip(folders, (make_series(), another_series(stored=brighter)), strict=True):
        folder.mkdir()
        for k, image in enumerate(images):
            image.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    assert main(["subtract", *map(str, folders), "-o", str(tmp_path / "out")]) == 0
    first, second = map(derive.read, folders)
    np.testing.assert_array_equal(derive.read(tmp_path / "out"), np.asarray(first) - np.asarray(second))
    assert derive.verify(tmp_path / "out").same
    assert main(["subtract", str(folders[0]), "-o", str(tmp_path / "one")]) == 2
    assert "Wanted a second series" in capsys.readouterr().err
    assert main(["add", str(folders[0]), "-o", str(tmp_path / "one")]) == 2
    assert "takes two series or more" in capsys.readouterr().err
    everything = str(tmp_path)
    chosen = ["--series", "3", "--other-series", "12", "-o", str(tmp_path / "again")]
    assert main(["subtract", everything, everything, *chosen]) == 0
    np.testing.assert_array_equal(derive.read(tmp_path / "again"), derive.read(tmp_path / "out"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("sources")
    second = another_series(stored=brighter, study=f"{ROOT}.99", PatientBirthDate="19710101")
    finer = another_series(3, spacing=(1.0, 0.8), shape=(15, 17))
    for name, images in {"first": make_series(), "second": second, "finer": finer}.items():
        (root / name).mkdir()
        for k, image in enumerate(images):
            image.save_as(root / name / f"{k}.dcm", enforce_file_format=True)
    return root


@pytest.mark.parametrize("into", [None, "enhanced"])
@pytest.mark.parametrize("name", BY_NUMPY)
def test_it_can_be_computed_again_from_its_files(name, into, folders, tmp_path):
    first = derive.read(folders / "first", assume=OF_ENHANCED if into else None)
    operation = REGISTRY[name](derive.read(folders / "second"), **SAID.get(name, {}))
    derive.build(first, operation, into=into).write(tmp_path / "out")
    found = derive.verify(tmp_path / "out", sources=[folders / "first", folders / "second"])
    assert (found.verdict, found.sources) == ("SAME", (12, 12, 6))
    assert "unexplained" not in str(derive.explain(tmp_path / "out", sources=[folders / "first", folders / "second"]))
    alone = derive.verify(tmp_path / "out", sources=[folders / "first"])
    assert alone.verdict == "NOT-RECOMPUTABLE"
    assert "6 of 12 source images are not at hand" in alone.reason


def test_what_was_interpolated_and_what_came_before_can_be_computed_again(folders, tmp_path):
    first, second, finer = (derive.read(folders / n) for n in ("first", "second", "finer"))
    derive.build(first, subtract(finer, align="resample")).write(tmp_path / "one")
    one = derive.read(tmp_path / "one")
    derive.build(one, gaussian_blur(sigma_mm=1), multiply(second, units="1")).write(tmp_path / "two")
    derive.build(first, mean([second, first])).write(tmp_path / "self")
    for name in each(["one", "two", "self"]):
        found = derive.verify(tmp_path / name, sources=[folders, tmp_path / "one"])
        assert found.same, f"{name}: {found}"


def test_values_of_no_series_are_named_by_their_digest(tmp_path):
    first = derive.read(make_series())
    inside = Volume.from_array(np.asarray(first) > 0, first.geometry)
    series = derive.build(first, mask(inside))
    assert "series='values sha256:" in series.derivation.description
    back, images = written(series, tmp_path / "out")
    np.testing.assert_array_equal(np.asarray(back), np.where(np.asarray(first) > 0, first, -1000))
    assert len(images[0].SourceImageSequence) == 1


def test_an_operation_can_be_called_on_a_volume():
    first, second = two()
    np.testing.assert_array_equal(subtract(second)(first.volume), np.asarray(first) - np.asarray(second))
    with raises_code("OP-SERIES", UsageError):
        subtract([])(first.volume)
