"""Segmentations as masks: of each kind, sparse, by segment, recorded as sources, and computed again."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

import derive
from derive.cli.main import main
from derive.errors import DeriveError, GeometryError, SourceError, UsageError
from derive.operations import mask, multiply, subtract
from tests.helpers.asserting import raises_code
from tests.helpers.segmented import bodies, segmented
from tests.helpers.sources import OBLIQUE, ROOT, make_series

SHAPE = (6, 11, 13)
MASK = "Mask image for image processing operation"


def images(**changes):
    return make_series(shape=SHAPE[1:], cosines=OBLIQUE, **changes)


def saved(datasets, folder):
    folder.mkdir()
    for k, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


@pytest.fixture
def ct(tmp_path):
    return derive.read(saved(images(), tmp_path / "ct"))


def kept(ct, inside):
    return np.where(inside, np.asarray(ct), -1000)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize("said", [None, "2", "Liver", "1,Spleen"])
def test_segments_of_each_kind_are_kept(kind, said, ct, tmp_path):
    pixels = bodies(SHAPE)
    made = segmented(images(), pixels.astype(np.float32) * 0.8 if kind == "FRACTIONAL" else pixels, kind)
    path = saved([made], tmp_path / "seg") / "0.dcm"
    chosen = {None: [0, 1], "2": [1], "Liver": [0], "1,Spleen": [0, 1]}[said]
    inside = pixels[..., chosen].any(axis=-1)
    threshold = 0.5 if kind == "FRACTIONAL" else None
    series = derive.build(ct, mask(derive.read_segmentation(path), segment=said, threshold=threshold))
    series.write(tmp_path / "out")
    np.testing.assert_array_equal(derive.read(tmp_path / "out"), kept(ct, inside))
    assert derive.check(tmp_path / "out").ok()
    assert derive.verify(tmp_path / "out", [tmp_path / "ct", path]).verdict == "SAME"
    if said is not None:
        assert f"segment='{','.join(str(n + 1) for n in chosen)}'" in series.derivation.description


def test_it_is_a_source_of_every_image(ct, tmp_path):
    pixels = bodies(SHAPE)
    seg = saved([segmented(images(), pixels)], tmp_path / "seg")
    assert main(["mask", str(tmp_path / "ct"), str(seg), "--segment", "liver", "-o", str(tmp_path / "out")]) == 0
    written = sorted(map(pydicom.dcmread, (tmp_path / "out").glob("*.dcm")), key=lambda d: d.InstanceNumber)
    frames = {}
    for index, image in enumerate(written):
        own, other = image.SourceImageSequence
        assert own.ReferencedSOPInstanceUID == f"{ROOT}.4.{index + 1}"
        assert other.ReferencedSOPInstanceUID == f"{ROOT}.54.1"
        assert other.PurposeOfReferenceCodeSequence[0].CodeMeaning == MASK
        assert other.SpatialLocationsPreserved == "YES"
        frames[index] = other.get("ReferencedFrameNumber")
        listed = {s.SeriesInstanceUID for s in image.ReferencedSeriesSequence}
        assert listed == {f"{ROOT}.2", f"{ROOT}.52"}
    has = [k for k in range(SHAPE[0]) if pixels[k, ..., 0].any()]
    assert [k for k, n in frames.items() if n is not None] == has
    found = derive.verify(tmp_path / "out")
    assert (found.verdict, found.sources) == ("SAME", (7, 7, 6))
    told = str(derive.explain(tmp_path / "out").in_full())
    assert f"{ROOT}.52" in told
    assert f"{ROOT}.54.1" in told
    alone = derive.verify(tmp_path / "out", tmp_path / "ct")
    assert alone.verdict == "NOT-RECOMPUTABLE"


def test_run_length_codes_and_odd_sizes_are_decoded(ct):
    pixels = bodies(SHAPE)
    made = segmented(images(), pixels.astype(np.float32), "FRACTIONAL")
    made.compress(RLELossless, encoding_plugin="pydicom")
    masked = derive.build(ct, mask(derive.read_segmentation([made]), threshold=0.5))
    np.testing.assert_array_equal(masked, kept(ct, pixels.any(axis=-1)))


def test_fractions_are_factors(ct):
    pixels = bodies(SHAPE).astype(np.float32)
    pixels[..., 1] *= 0.5
    made = segmented(images(), pixels, "FRACTIONAL")
    product = derive.build(ct, multiply(derive.read_segmentation([made])))
    np.testing.assert_allclose(product, np.asarray(ct) * pixels.max(axis=-1), rtol=1e-6)


def test_slices_that_lie_unevenly_or_lean_are_those_of_the_segmentation(tmp_path):
    z = [-30, -28, -26, -20, -18, -11]
    uneven = make_series(shape=SHAPE[1:], ImagePositionPatient=lambda k: [-10.5, 20.25 + 0.5 * k, z[k]])
    source = derive.read(saved(uneven, tmp_path / "ct"))
    pixels = bodies(SHAPE)
    seg = segmented(uneven, pixels)
    everything = derive.build(source, mask(derive.read_segmentation([seg]), inverted=True, outside=0)).volume.array
    masked = derive.build(source, mask(derive.read_segmentation([seg]), outside=0)).volume.array
    inside = pixels.any(axis=-1)
    assert (everything[inside] == 0).all()
    assert (masked[~inside] == 0).all()
    assert (masked + everything > 0).any()


def test_another_grid_is_refused_and_the_nearest_voxel_counts_on_request(ct, tmp_path):
    shape = (5, 9, 10)
    coarse = make_series(shape=shape[1:], count=shape[0], cosines=OBLIQUE, spacing=(1.42, 1.33), step=2.37)
    pixels = bodies(shape)
    pixels[2] = 0  # a frame that is not there, between others
    path = saved([segmented(coarse, pixels)], tmp_path / "seg") / "0.dcm"
    segmentation = derive.read_segmentation(path)
    with raises_code("GEO-GRID", GeometryError):
        derive.build(ct, mask(segmentation))
    derive.build(ct, mask(segmentation, align="resample")).write(tmp_path / "out")
    grid = derive.read(coarse).geometry
    indices = np.moveaxis(np.indices(SHAPE), 0, -1).astype(float)
    places = np.rint(grid.index_of(ct.geometry.points_of(indices))).astype(int)
    within = ((places >= 0) & (places < shape)).all(axis=-1)
    there = pixels.any(axis=-1)[tuple(np.clip(places, 0, np.array(shape) - 1)[..., a] for a in range(3))]
    np.testing.assert_array_equal(derive.read(tmp_path / "out"), kept(ct, there.astype(bool) & within))
    assert derive.verify(tmp_path / "out", [tmp_path / "ct", path]).verdict == "SAME"


@pytest.mark.parametrize(
    ("code", "kind", "changes", "parameters"),
    [
        ("SRC-PATIENT", SourceError, {"PatientID": "P2"}, {}),
        ("GEO-FOR", GeometryError, {"FrameOfReferenceUID": f"{ROOT}.33"}, {}),
        ("OP-SEGMENT", UsageError, {}, {"segment": "3"}),
        ("OP-SEGMENT", UsageError, {}, {"segment": "Kidney"}),
        ("SRC-FRAMES", SourceError, {"SharedFunctionalGroupsSequence": None}, {}),
    ],
    ids=["patient", "frame of reference", "number", "label", "nowhere"],
)
def test_what_does_not_belong_together_is_refused(code, kind, changes, parameters, ct):
    made = segmented(images(), bodies(SHAPE), **changes)
    with raises_code(code, kind):
        derive.build(ct, mask(derive.read_segmentation([made]), **parameters))


def test_fractions_want_a_threshold_and_hu_want_hu(ct):
    fractional = derive.read_segmentation([segmented(images(), bodies(SHAPE).astype(np.float32), "FRACTIONAL")])
    with raises_code("OP-THRESHOLD", UsageError):
        derive.build(ct, mask(fractional))
    with raises_code("VAL-UNITS", DeriveError):
        derive.build(ct, subtract(fractional))
    with raises_code("OP-SEGMENT", UsageError):
        derive.build(ct, mask(ct, segment="1"))


def test_one_of_several_is_chosen(tmp_path):
    one = segmented(images(), bodies(SHAPE))
    other = segmented(images(), bodies(SHAPE), SOPInstanceUID=f"{ROOT}.54.2")
    other.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.54.2"
    folder = saved([one, other], tmp_path / "seg")
    with raises_code("SRC-SERIES", SourceError):
        derive.read_segmentation(folder)
    assert derive.read_segmentation(folder, series=f"{ROOT}.54.2").references[0].sop_instance_uid == f"{ROOT}.54.2"
    with raises_code("SRC-NONE", SourceError):
        derive.read_segmentation(images())
