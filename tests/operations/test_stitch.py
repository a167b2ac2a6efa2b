"""Stations of one scan as one series: where each comes to lie, how they go over into each other, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest

import derive
from derive.cli.main import main
from derive.errors import UsageError
from derive.model.geometry import triple
from derive.model.volume import Quantity, Volume
from derive.operations import REGISTRY
from tests.helpers.asserting import raises_code
from tests.helpers.sources import OBLIQUE, ROOT, make_series
from tests.helpers.verification import save, verified
from tests.helpers.volumes import make_geometry, make_volume, ramp, rotation

stitch = REGISTRY["stitch"]
TURNED = rotation(3)
WHOLE = make_geometry(row=TURNED[0], column=TURNED[1], shape=(12, 10, 9), spacing=(2.0, 1.5, 1.25))


def part(volume, *spans):
    """A station: a box of a volume."""
    (first, last), rows, columns = (*spans, *[(0, n) for n in volume.shape[len(spans) :]])
    grid = replace(
        volume.geometry,
        first_position=triple(volume.geometry.points_of((first, rows[0], columns[0]))),
        shape=(last - first, rows[1] - rows[0], columns[1] - columns[0]),
    )
    return Volume.from_array(volume.array[first:last, slice(*rows), slice(*columns)], grid, volume.quantity)


SPLITS = {
    "along slices": [((0, 7),), ((5, 12),)],
    "the upper one first": [((5, 12),), ((0, 7),)],
    "that adjoin": [((0, 6),), ((6, 12),)],
    "along rows": [((0, 12), (0, 6)), ((0, 12), (4, 10))],
    "along columns": [((0, 12), (0, 10), (0, 5)), ((0, 12), (0, 10), (4, 9))],
    "three": [((0, 5),), ((8, 12),), ((4, 9),)],
}


@pytest.mark.parametrize("blend", ["feather", "first"])
@pytest.mark.parametrize("split", SPLITS)
def test_parts_of_a_volume_make_it_again(split, blend):
    whole = make_volume(WHOLE)
    first, *others = [part(whole, *spans) for spans in SPLITS[split]]
    result = stitch(others, blend=blend)(first)
    assert result.geometry.same_grid(replace(WHOLE, measured_positions=None))
    np.testing.assert_allclose(result.array, whole.array, rtol=1e-6)
    parts = np.concatenate([result.slab(k, k + 1) for k in range(12)])
    np.testing.assert_array_equal(parts, result.array)


def test_weights_fall_to_the_edges_where_stations_overlap():
    """Three common slices: quarters, by hand."""
    zeros = Volume.from_array(np.zeros(WHOLE.shape), WHOLE)
    low = part(zeros, (0, 7))
    high = part(Volume.from_array(np.full(WHOLE.shape, 8.0), WHOLE), (4, 12))
    result = stitch(high)(low)
    np.testing.assert_allclose(result.array[:, 3, 4], [0, 0, 0, 0, 2, 4, 6, 8, 8, 8, 8, 8])
    first = stitch(high, blend="first")(low)
    np.testing.assert_allclose(first.array[:, 3, 4], [0] * 7 + [8] * 5)
    assert np.ptp(result.array, axis=(1, 2)).max() == 0


def test_where_no_station_is_there_is_fill_and_padding_has_no_weight():
    values = np.array(make_volume(WHOLE).array)
    low = part(Volume.from_array(values, WHOLE, Quantity("HU", -1000.0)), (0, 7), (0, 8))
    values[5, 4, 4] = np.nan
    high = part(Volume.from_array(values, WHOLE, Quantity("HU", -1000.0)), (5, 12), (2, 10))
    result = stitch(high)(low).array
    assert (result[:5, 8:] == -1000).all()
    assert (result[7:, :2] == -1000).all()
    np.testing.assert_allclose(result[5, 4, 4], low.array[5, 4, 4])
    assert np.isnan(stitch(high, fill="padding")(low).array[:5, 8:]).all()


def test_stations_between_the_places_of_the_first_are_interpolated_where_asked():
    low, whole = part(ramp(WHOLE), (0, 6)), WHOLE
    grid = replace(whole, first_position=triple(whole.points_of((4.4, 0.3, 0))), shape=(7, 9, 9))
    with raises_code("GEO-GRID"):
        stitch(ramp(grid))(low)
    result = stitch(ramp(grid), align="resample")(low)
    wanted = ramp(result.geometry).array
    assert result.shape == (11, 10, 9)
    np.testing.assert_allclose(result.array[:, 1:9], wanted[:, 1:9], atol=1.0)
    np.testing.assert_allclose(result.array[5:10, 1:8], wanted[5:10, 1:8], atol=1e-3)


def stations(tmp_path, modality="CT", **second):
    """Two stations of six slices with two in common, on the disk."""
    cosines = OBLIQUE
    low = make_series(modality, cosines=cosines)
    normal = np.cross(*cosines)
    own = {
        "SOPInstanceUID": lambda k: f"{ROOT}.24.{k + 1}",
        "SeriesInstanceUID": f"{ROOT}.22",
        "ImagePositionPatient": lambda k: list(triple(np.round([-10.5, 20.25, -30] + normal * 2.0 * (k + 4), 6))),
    }
    high = make_series(modality, cosines=cosines, **{**own, **second})
    for image in high:
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return save(low, tmp_path / "low"), save(high, tmp_path / "high")


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_written_each_image_names_the_stations_that_it_is_made_of(modality, tmp_path):
    low, high = stations(tmp_path, modality)
    out = tmp_path / "out"
    assert main(["stitch", str(low), str(high), "-o", str(out)]) == 0
    assert derive.check(out).ok()
    back, first, second = derive.read(out), derive.read(low), derive.read(high)
    assert back.geometry.shape == (10, 12, 14)
    images = sorted((pydicom.dcmread(p) for p in out.glob("*.dcm")), key=lambda d: d.ImagePositionPatient[2])
    step = max(float(getattr(i, "RescaleSlope", 1)) for i in images)
    a, b = np.asarray(first, float), np.asarray(second, float)
    np.testing.assert_allclose(np.asarray(back)[:4], a[:4], atol=0.51 * step)
    np.testing.assert_allclose(np.asarray(back)[6:], b[2:], atol=0.51 * step)
    np.testing.assert_allclose(np.asarray(back)[4], (2 * a[4] + b[0]) / 3, atol=0.51 * step)
    named = [{str(i.ReferencedSOPInstanceUID) for i in image.SourceImageSequence} for image in images]
    assert [len(n) for n in named] == [1] * 4 + [2] * 2 + [1] * 4
    assert {c.CodeValue for image in images for c in image.DerivationCodeSequence} == {"113090"}
    purposes = {i.PurposeOfReferenceCodeSequence[0].CodeValue for im in images for i in im.SourceImageSequence}
    assert purposes == {"121322"}
    assert verified(out, tmp_path / "low").verdict == "NOT-RECOMPUTABLE"
    assert verified(out, [low, high]).verdict == "SAME"


def test_each_image_says_what_its_own_stations_say(tmp_path):
    """What both stations say alike where it is made of both, and what one says where it is made of that alone."""
    low, high = stations(tmp_path, "PT", FrameReferenceTime=7e5, ProtocolName="other", PatientComments="only here")
    out = tmp_path / "out"
    assert main(["stitch", str(low), str(high), "-o", str(out)]) == 0
    images = sorted(map(pydicom.dcmread, out.glob("*.dcm")), key=lambda d: d.ImagePositionPatient[2])
    mine = [pydicom.dcmread(low / f"{k + 1}.dcm").FrameReferenceTime for k in range(4)]
    assert [i.FrameReferenceTime for i in images[:4]] == mine
    assert {i.FrameReferenceTime for i in images[6:]} == {7e5}
    assert {i.get("ProtocolName") for i in images} == {None}
    assert {i.PatientID for i in images} == {"P1"}


REFUSED = {
    "GEO-FOR": {"FrameOfReferenceUID": "1.2.9"},
    "GEO-PLANES": {"ImageOrientationPatient": [0.28, -0.96, 0.0, 0.96, 0.28, 0.0]},
    "GEO-GRID": {"PixelSpacing": [1.3, 1.0]},
    "GEO-GAP": {"ImagePositionPatient": lambda k: [-10.5, 20.25, -10.0 + 2 * k]},
    "SRC-PATIENT": {"PatientID": "P2"},
}


@pytest.mark.parametrize("code", REFUSED)
def test_it_is_refused_by_name(code, tmp_path):
    low, high = map(derive.read, stations(tmp_path, **REFUSED[code]))
    with raises_code(code):
        derive.build(low, stitch(high))


def test_other_units_and_words_are_refused():
    whole = make_volume(WHOLE)
    low, high = part(whole, (0, 7)), part(whole, (5, 12))
    with raises_code("VAL-UNITS"):
        stitch(replace(high, quantity=Quantity("BQML")))(low)
    for wrong, code in [({"blend": "mean"}, "OP-BLEND"), ({"align": "near"}, "OP-ALIGN"), ({"fill": "air"}, "OP-FILL")]:
        with raises_code(code, UsageError):
            stitch(high, **wrong)(low)


def test_contributors_are_the_slices_of_each_station():
    whole = make_volume(WHOLE)
    result = stitch(part(whole, (5, 12)), blend="first")(part(whole, (0, 7)))
    assert [c.frame for k in (0, 6, 7) for c in result.contributors(k)] == [0, 6, 2]
