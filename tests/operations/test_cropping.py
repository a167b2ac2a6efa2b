"""Less of a volume, and more around it: every voxel where it was, on grids that lie in any way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest

import derive
from derive.cli.main import main
from derive.errors import DeriveError, GeometryError, UsageError
from derive.model.dimension import Dimension
from derive.model.frames import Volumes
from derive.model.reference import of_principal
from derive.model.volume import Quantity, Volume
from derive.operations import crop, pad, resample
from tests.helpers.asserting import raises_code
from tests.helpers.enhanced import assert_accepted, groups_of, saved, written
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import make_series
from tests.helpers.verification import verified
from tests.helpers.volumes import indices, make_geometry, make_volume, ramp, rotation, value_at

SHAPE = (6, 9, 11)


def turned(seed, **changes):
    directions = rotation(seed)
    geometry = make_geometry(row=directions[0], column=directions[1], shape=SHAPE)
    return replace(geometry, **changes)


def uneven(geometry):
    """The same, its slices as far from each other as somebody happened to take them."""
    steps = np.array([0, 2.5, 5.3, 7.5, 11.0, 12.5])[:, None] * np.array(geometry.normal)
    return replace(geometry, measured_positions=tuple(map(tuple, steps + geometry.first_position)))


GEOMETRIES = {
    "axial": make_geometry(shape=SHAPE),
    "oblique": turned(1),
    "leaning": turned(2, slice_shift=(0.0, 0.75)),
    "uneven": uneven(turned(3)),
}
EACH = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)


def places(geometry):
    """The place in the patient of every voxel, slice by slice, as images say it."""
    rows, columns = np.indices(geometry.shape[1:])
    down, along = (np.array(v) for v in (geometry.column_cosines, geometry.row_cosines))
    within = rows[..., None] * geometry.pixel_spacing[0] * down + columns[..., None] * geometry.pixel_spacing[1] * along
    return np.stack([within + geometry.position(k) for k in range(geometry.shape[0])])


def numbered(geometry):
    return Volume.from_array(np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE), geometry)


@EACH
@pytest.mark.parametrize("seed", range(5))
def test_a_box_of_voxels_is_cut_out_and_they_stay_where_they_are(geometry, seed):
    rng = np.random.default_rng(seed)
    first, last = np.sort([rng.integers(0, SHAPE), rng.integers(0, SHAPE)], axis=0)
    source = numbered(geometry)
    result = crop(from_voxel=tuple(map(int, first[::-1])), to_voxel=tuple(map(int, last[::-1])))(source)
    kept = tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))
    np.testing.assert_array_equal(result.array, source.array[kept])
    np.testing.assert_allclose(places(result.geometry), places(geometry)[kept], rtol=0, atol=1e-9)
    assert [result.contributors(k) for k in range(result.count)] == [
        of_principal([k + first[0]]) for k in range(result.count)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_box_in_the_patient_keeps_the_voxels_whose_centres_lie_in_it(seed):
    geometry = make_geometry(shape=SHAPE)
    points = geometry.points_of(indices(SHAPE))
    rng = np.random.default_rng(seed)
    first = rng.uniform(points.min(axis=(0, 1, 2)), points.max(axis=(0, 1, 2)))
    corners = np.array([first, first + rng.choice([-1, 1], 3) * (1.5, 1.9, 5.2)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    inside = ((points >= low) & (points <= high)).all(axis=-1)
    result = crop(from_mm=tuple(corners[0]), to_mm=tuple(corners[1]))(numbered(geometry))
    np.testing.assert_array_equal(np.sort(result.array.ravel()), np.flatnonzero(inside))


@pytest.mark.parametrize("seed", range(6))
def test_of_turned_planes_the_smallest_box_around_it_is_kept(seed):
    """No voxel of the box is missing, and each side of what is kept has one that is needed."""
    geometry = turned(seed)
    middle = geometry.points_of((np.array(SHAPE) - 1) / 2)
    result = crop(from_mm=tuple(middle - 2), to_mm=tuple(middle + 2))(ramp(geometry))
    assert min(result.shape) > 1
    assert result.shape != SHAPE
    np.testing.assert_allclose(result.array, value_at(places(result.geometry)), rtol=0, atol=1e-4)
    inside = (np.abs(geometry.points_of(indices(SHAPE)) - middle) <= 2).all(axis=-1)
    found = {tuple(np.round(p, 6)) for p in places(result.geometry).reshape(-1, 3)}
    assert {tuple(np.round(p, 6)) for p in places(geometry)[inside]} <= found


def with_a_patient(padded=False):
    values = np.full(SHAPE, -1000, np.float32) + np.random.default_rng(0).normal(0, 20, SHAPE).astype(np.float32)
    values[2:4, 3:6, 4:9] = 40
    if padded:
        values[:, 0] = values[-1] = np.nan
    return Volume.from_array(values, GEOMETRIES["axial"], Quantity("HU", -1000.0))


@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize("above", ["air", 0.0])
def test_a_box_around_values(above, padded):
    result = crop(above=above)(with_a_patient(padded))
    np.testing.assert_array_equal(result.array, np.full((2, 3, 5), 40))


def test_a_box_around_all_that_is_no_padding():
    source = with_a_patient(padded=True)
    np.testing.assert_array_equal(crop(above="padding")(source).array, source.array[:-1, 1:])


def test_a_margin_is_whole_voxels_and_ends_with_the_volume():
    source = with_a_patient()
    result = crop(above="air", margin_mm=(0.75, 0.8, 100.0))(source)
    np.testing.assert_array_equal(result.array, source.array[:, 2:7, 2:11])


def test_of_several_volumes_the_box_holds_what_each_has():
    """And is recorded, so that the same comes out again."""
    one, two = np.zeros((2, *SHAPE), np.float32)
    one[1, 2, 3], two[4, 5, 6] = 100, 100
    volumes = Volumes(
        tuple(Volume.from_array(v, GEOMETRIES["axial"]) for v in (one, two)), (Dimension("EchoTime", (10.0, 20.0)),)
    )
    operation = crop(above=50.0).settled(volumes)
    assert str(operation) == "crop(from_voxel=(3, 2, 1), to_voxel=(6, 5, 4), above=50, margin_mm=0)"
    assert operation.settled(volumes) == operation
    assert [v.shape for v in operation.on(volumes).volumes] == [(4, 4, 4)] * 2


@EACH
def test_space_is_put_around_and_voxels_stay_where_they_are(geometry):
    source = numbered(geometry)
    result = pad(by_mm=(1.0, 0.8, 2.6), fill=-7.5)(source)
    assert result.shape == (SHAPE[0] + 4, SHAPE[1] + 2, SHAPE[2] + 4)
    inner = np.s_[2:-2, 1:-1, 2:-2]
    np.testing.assert_array_equal(result.array[inner], source.array)
    np.testing.assert_allclose(places(result.geometry)[inner], places(geometry), rtol=0, atol=1e-9)
    outside = np.ones(result.shape, bool)
    outside[inner] = False
    assert set(result.array[outside]) == {-7.5}
    step = np.diff(places(result.geometry)[:, 0, 0], axis=0)
    np.testing.assert_allclose(step[[0, 1, -2, -1]], np.tile(geometry.slice_step, (4, 1)), rtol=0, atol=1e-9)
    assert [result.contributors(k) for k in range(result.count)] == [
        (),
        (),
        *[of_principal([k]) for k in range(6)],
        (),
        (),
    ]


@pytest.mark.parametrize("fill", ["padding", None, 12.0])
def test_what_is_cropped_of_what_was_padded_is_the_source(fill):
    source = make_volume(turned(4), padded=True)
    back = crop(from_voxel=(3, 0, 1), to_voxel=(13, 8, 6))(pad(by_mm=(2.1, 0.0, 2.5), fill=fill)(source))
    np.testing.assert_array_equal(back.array, source.array)
    assert back.geometry.same_grid(source.geometry)


def test_a_box_that_all_of_shall_be_in_it():
    geometry = GEOMETRIES["axial"]
    low, high = geometry.corners().min(axis=0), geometry.corners().max(axis=0)
    result = pad(from_mm=tuple(low - (1.0, 0.0, 3.0)), to_mm=tuple(high - 0.3))(numbered(geometry))
    assert result.shape == (SHAPE[0] + 1, SHAPE[1], SHAPE[2] + 1)
    np.testing.assert_array_equal(result.array[1:, :, 1:], numbered(geometry).array)
    assert pad(from_mm=tuple(low), to_mm=tuple(high), fill="padding")(numbered(geometry)).quantity.padded is False


def test_padding_is_resampling_on_a_larger_grid():
    source = make_volume(turned(6))
    result = pad(by_mm=3.0)(source)
    same = resample(reference=result.geometry, interpolator="nearest")(source)
    np.testing.assert_array_equal(result.array, same.array)


REFUSED = [
    (crop, {}, "OP-BOX"),
    (crop, {"from_mm": (0, 0, 0)}, "OP-BOX"),
    (crop, {"from_mm": (0, 0, 0), "to_mm": 5.0}, "OP-BOX"),
    (crop, {"from_mm": (0, 0, 0), "to_mm": (0, 0, float("nan"))}, "OP-BOX"),
    (crop, {"from_mm": (0, 0, 0), "to_mm": (1, 1, 1), "above": 0.0}, "OP-BOX"),
    (crop, {"from_mm": (0, 0, 0), "to_mm": (1, 1, 1), "from_voxel": (1, 1, 1)}, "OP-BOX"),
    (crop, {"from_voxel": (0, 0, 0.5), "to_voxel": (1, 1, 1)}, "OP-BOX"),
    (crop, {"from_voxel": (4, 4, 4), "to_voxel": (1, 8, 5)}, "GEO-OVERLAP"),
    (crop, {"from_mm": (500, 0, 0), "to_mm": (600, 90, 90)}, "GEO-OVERLAP"),
    (crop, {"above": 99999.0}, "GEO-OVERLAP"),
    (crop, {"above": "tissue"}, "OP-BOX"),
    (crop, {"above": float("nan")}, "OP-BOX"),
    (crop, {"above": 0.0, "margin_mm": -1.0}, "OP-LENGTH"),
    (pad, {}, "OP-BOX"),
    (pad, {"by_mm": 1.0, "from_mm": (0, 0, 0)}, "OP-BOX"),
    (pad, {"from_mm": (0, 0, 0)}, "OP-BOX"),
    (pad, {"by_mm": -1.0}, "OP-LENGTH"),
    (pad, {"by_mm": (1.0, 2.0)}, "OP-LENGTH"),
    (pad, {"by_mm": 1e6}, "OP-BOX"),
    (pad, {"by_mm": 1.0, "fill": float("inf")}, "OP-FILL"),
]


@pytest.mark.parametrize(("kind", "parameters", "code"), REFUSED)
def test_what_is_no_box_is_refused(kind, parameters, code):
    with raises_code(code, DeriveError):
        kind(**parameters)(numbered(GEOMETRIES["axial"]))


def test_air_is_known_of_hounsfield_units_only():
    with raises_code("OP-AIR", UsageError) as refused:
        crop(above="air")(numbered(GEOMETRIES["axial"]))
    assert "above" in refused.value.message


def test_where_nothing_lies_it_says_where_the_volume_is():
    with raises_code("GEO-OVERLAP", GeometryError) as refused:
        crop(from_mm=(500, 0, 0), to_mm=(600, 90, 90))(numbered(GEOMETRIES["axial"]))
    assert "from -20.5 11.2 30.0 to -13.5 17.6 42.5 mm" in refused.value.message


def references(item):
    """Instance and frame of every source image of a frame; the frame is None of an instance that is one."""
    for source in item.SourceImageSequence:
        frames = source.get("ReferencedFrameNumber")
        for frame in [frames] if frames is None or isinstance(frames, int) else frames:
            yield source.ReferencedSOPInstanceUID, frame


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("form", ["classic", "enhanced"])
def test_a_cropped_series_names_the_frames_that_it_has_and_no_others(form, modality, tmp_path):
    datasets = make_series(modality) if form == "classic" else [multi_frame(modality)]
    source = derive.read(saved(tmp_path / "source", *datasets))
    report = derive.build(source, crop(from_voxel=(2, 3, 1), to_voxel=(9, 8, 3))).write(tmp_path / "out")
    found = np.asarray(derive.read(tmp_path / "out"))
    wanted = np.asarray(source)[1:4, 3:9, 2:10]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=report.value_error + 1e-3)
    instances = written(tmp_path / "out")
    images = instances if form == "classic" else [g.DerivationImageSequence[0] for g in groups_of(instances[0])]
    named = [list(references(image)) for image in images]
    many = form == "enhanced"
    sources = [(f.reference.sop_instance_uid, f.number if many else None) for f in source.frames[1:4]]
    assert named == [[each] for each in sources]
    assert verified(tmp_path / "out", tmp_path / "source").verdict == "SAME"
    assert_accepted(tmp_path / "source", tmp_path / "out")


FLAGS = {
    "crop": [
        ["--above", "air", "--margin-mm", "3"],
        ["--above", "0"],
        ["--from-voxel", "2", "3", "0", "--to-voxel", *"991"],
    ],
    "pad": [["--by-mm", "10", "5", "0"], ["--by-mm", "1"]],
}


@pytest.mark.parametrize(("command", "flags"), [(name, flags) for name, each in FLAGS.items() for flags in each])
def test_on_the_command_line_it_is_recorded_and_computed_again(command, flags, real, tmp_path, capsys):
    folder = real("ct_small_ge_3")
    assert main([command, str(folder), "-o", str(tmp_path / "out"), *flags]) == 0
    dataset = pydicom.dcmread(next((tmp_path / "out").iterdir()))
    assert f"{command}(" in dataset.DerivationDescription
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "out"), "--sources", str(folder)]) == 0
    assert "SAME" in capsys.readouterr().out


def test_slices_of_nothing_but_space_are_refused_beside_several_volumes(tmp_path):
    source = derive.read([multi_frame("MR", along={"EffectiveEchoTime": (10.0, 20.0)})])
    with raises_code("GEO-4D", GeometryError):
        derive.build(source, pad(by_mm=(0.0, 0.0, 2.0)))
    derive.build(source, pad(by_mm=(2.0, 3.0, 0.0))).write(tmp_path / "out")
    padded = derive.read(tmp_path / "out")
    assert [v.shape for v in padded.volumes] == [(6, 18, 18)] * 2


def test_slices_beside_all_images_are_computed_again(tmp_path):
    source = derive.read(saved(tmp_path / "source", *make_series("CT")))
    derive.build(source, pad(by_mm=2.0)).write(tmp_path / "out")
    found = verified(tmp_path / "out", tmp_path / "source")
    assert (found.verdict, len(found.images)) == ("SAME", 8)
