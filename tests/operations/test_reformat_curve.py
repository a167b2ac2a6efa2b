"""A volume straightened along a curve: against planes where the curve is straight, and phantoms where it bends."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from derive.errors import DeriveError
from derive.model.volume import Volume
from derive.operations import gaussian_blur, reformat
from derive.operations.kit.curve import DIGEST, Curve, Way
from tests.helpers.commands import run as run_command
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import make_series
from tests.helpers.verification import edit, save, verified
from tests.helpers.volumes import around, make_geometry, make_volume, ramp, rotation

CENTER = (4.0, -12.5, 60.0)
LINE = ((-8.0, -12.5, 52.0), (0.0, -12.5, 57.0), (16.0, -12.5, 67.0))
#: Points within the series of `tests.helpers.sources`, two and more.
TWO = ((0.3, 0.2, 0.1), (0.6, 0.5, 0.8))
FOUR = ((0.2, 0.3, 0.2), (0.5, 0.6, 0.3), (0.6, 0.4, 0.6), (0.8, 0.7, 0.9))


def within(geometry, shares):
    return geometry.points_of(np.array(shares) * (np.array(geometry.shape) - 1))


def helix(turns=1.0, count=40):
    angle = np.linspace(0, 2 * np.pi * turns, count)
    return np.array(CENTER) + np.stack([14 * np.cos(angle), 14 * np.sin(angle), 2.5 * angle - 8], axis=1)


@pytest.mark.parametrize("thick", [{}, {"thickness_mm": 4.0, "combine": "mip"}, {"thickness_mm": 3.0}], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_a_straight_curve_is_the_plane_it_lies_in(seed, thick):
    turned = rotation(seed)
    source = around(CENTER, row=turned[0], column=turned[1], shape=(40, 44, 42), spacing=(1.0, 1.0, 1.0))
    volume = make_volume(source)
    along = np.diff(LINE, axis=0)[0] / np.linalg.norm(np.diff(LINE, axis=0)[0])
    image = reformat(along_curve=LINE, width_mm=15, spacing_mm=1.0, up=(0, -1, 0), **thick)(volume)
    columns = image.shape[2]
    middle = np.array(LINE[0]) + along * (columns - 1) / 2
    plane = reformat(
        normal=tuple(np.cross(along, (0, 1, 0))),
        up=(0, -1, 0),
        through=tuple(middle),
        spacing_mm=1.0,
        size_mm=(columns, 15, 1),
        single=True,
        **thick,
    )(volume)
    assert image.shape == plane.shape == (1, 15, int(np.linalg.norm(np.subtract(LINE[2], LINE[0]))) + 1)
    np.testing.assert_allclose(image.array, plane.array, atol=0.01)


@pytest.mark.parametrize("up", [None, (1.0, 0.3, 0.0), (0.0, 0.2, -1.0)], ids=str)
def test_what_lies_along_the_curve_stays_in_the_middle_row(up):
    geometry = around(CENTER, shape=(60, 80, 80), spacing=(0.7, 0.7, 0.7))
    points = helix()
    places = geometry.points_of(np.moveaxis(np.indices(geometry.shape), 0, -1))
    fine = helix(count=600)
    apart = np.full(geometry.shape, np.inf)
    for point in fine:
        np.minimum(apart, np.linalg.norm(places - point, axis=-1), out=apart)
    tube = Volume.from_array(1000 * np.exp(-((apart / 1.5) ** 2)), geometry)
    image = reformat(along_curve=points, width_mm=12, spacing_mm=0.5, up=up)(tube).array[0]
    assert image.shape[0] % 2 == 1
    middle = image.shape[0] // 2
    assert np.abs(image.argmax(axis=0) - middle).max() <= 1
    assert image[middle].min() > 850
    assert image[[0, -1]].max() < 50


def test_steps_are_of_one_length_and_what_is_across_turns_no_more_than_it_must():
    way = Way(Curve.of(helix(2.0)), 0.5)
    apart = np.linalg.norm(np.diff(way.points, axis=0), axis=1)
    np.testing.assert_allclose(apart, 0.5, rtol=2e-3)
    assert np.abs((way.tangents * way.downs).sum(axis=1)).max() < 1e-9
    np.testing.assert_allclose(np.linalg.norm(way.downs, axis=1), 1, atol=1e-12)
    change = np.diff(way.downs, axis=0)
    binormal = np.cross(way.tangents, way.downs)[:-1]
    assert np.abs((change * binormal).sum(axis=1)).max() < 1e-3


def test_values_are_those_of_their_places():
    geometry = around(CENTER, shape=(50, 60, 60), spacing=(1.0, 0.8, 0.8))
    way = Way(Curve.of(helix(0.7)), 0.8)
    image = reformat(along_curve=helix(0.7), width_mm=4.0)(ramp(geometry)).array[0]
    down = (np.arange(image.shape[0]) - image.shape[0] // 2) * 0.8
    places = way.points[None] + down[:, None, None] * way.downs[None]
    np.testing.assert_allclose(image, places @ np.array([2.0, -1.0, 0.5]) + 7.0, atol=1e-3)


def test_padding_and_what_is_outside_stay_so():
    geometry = make_geometry(shape=(12, 20, 20), spacing=(1.0, 1.0, 1.0), first=(0, 0, 0))
    values = np.full(geometry.shape, 40.0)
    values[:, 10, 10] = np.nan
    volume = Volume.from_array(values, geometry)
    curve = ((3.0, 10.0, 5.0), (16.0, 10.0, 5.0))
    image = reformat(along_curve=curve, width_mm=41, spacing_mm=1.0, up=(0, -1, 0))(volume).array[0]
    assert np.argwhere(np.isnan(image)).tolist() == [[20, 7]]
    assert set(image[~np.isnan(image)].tolist()) == {40.0, volume.quantity.fill}
    assert (image[0] == volume.quantity.fill).all()


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({"along_curve": [(0, 0, 0)], "width_mm": 5}, "OP-CURVE", "1 points"),
        ({"along_curve": [(0, 0, 0)] * 3, "width_mm": 5}, "OP-CURVE", "are one"),
        ({"along_curve": [(0, 0), (1, 1)], "width_mm": 5}, "OP-CURVE", "no list of points"),
        ({"along_curve": [(0, 0, 0), (float("nan"), 1, 1)], "width_mm": 5}, "OP-CURVE", "finite"),
        ({"along_curve": [(0, 0, 0), (900, 0, 0)], "width_mm": 5}, "OP-CURVE", "outside of the volume"),
        ({"along_curve": "nowhere.csv", "width_mm": 5}, "OP-CURVE", "nowhere.csv"),
        ({"along_curve": LINE, "width_mm": 0}, "OP-WIDTH", "above 0"),
        ({"along_curve": LINE, "width_mm": -3}, "OP-WIDTH", "above 0"),
        ({"along_curve": LINE}, "OP-WIDTH", "None"),
        ({"along_curve": LINE, "width_mm": 5, "spacing_mm": 0}, "OP-SPACING", "spacing_mm"),
        ({"along_curve": LINE, "width_mm": 5, "up": (8, 0, 5)}, "OP-UP", "along the curve"),
        ({"along_curve": LINE, "width_mm": 5, "plane": "axial"}, "OP-CURVE", "plane beside"),
        ({"plane": "axial", "width_mm": 5}, "OP-CURVE", "goes with along_curve"),
    ],
    ids=str,
)
def test_what_is_no_curve_is_refused_by_name(given, code, said):
    with pytest.raises(DeriveError, match=said) as refused:
        reformat(**given)(make_volume(around(CENTER, shape=(30, 40, 40), spacing=(1.0, 1.0, 1.0))))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "text",
    ["x,y,z\n1,2,3\n4,5,6.5\n", "1 2 3\n4 5 6.5\n", "name;z;y;x\na;3;2;1\nb;6.5;5;4\n", "# mm\n1\t2\t3\n4\t5\t6.5"],
    ids=["header", "blanks", "names", "tabs"],
)
def test_points_are_read_by_header_or_in_three_columns(text, tmp_path):
    (tmp_path / "points.csv").write_text(text)
    curve = Curve.of(tmp_path / "points.csv")
    assert curve.points == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.5))
    assert Curve.of(curve.recorded).points == curve.points


@pytest.mark.parametrize("text", ["a,b,c\n1,2,3\n", "1,2\n3,4\n", "1,2,3,4\n5,6,7,8\n", "1,2,3\n4,x,6\n", ""], ids=repr)
def test_a_file_without_points_is_refused(text, tmp_path):
    (tmp_path / "points.csv").write_text(text)
    with pytest.raises(DeriveError) as refused:
        Curve.of(str(tmp_path / "points.csv"))
    assert refused.value.code == "OP-CURVE"


@pytest.mark.parametrize("shares", [TWO, FOUR], ids=["two", "four"])
@pytest.mark.parametrize(("modality", "units"), [("CT", "HU"), ("MR", "US"), ("PT", "BQML")])
def test_it_is_written_as_what_lies_on_no_plane_and_recomputed(modality, units, shares, tmp_path, capsys):
    save(make_series(modality), tmp_path / "source")
    source = derive.read(tmp_path / "source")
    call = reformat(along_curve=within(source.geometry, shares), width_mm=6.0)
    series = derive.build(source, call)
    (file,) = series.write(tmp_path / "out").files
    made = pydicom.dcmread(file)
    assert made.SOPClassUID == pydicom.uid.SecondaryCaptureImageStorage
    assert (made.Modality, made.RescaleType) == (modality, units)
    assert "ImagePositionPatient" not in made
    assert "ImageOrientationPatient" not in made
    assert made.FrameOfReferenceUID == source.geometry.frame_of_reference_uid
    assert made.PixelSpacing == [1.0, 1.0]
    assert made.DerivationCodeSequence[0].CodeValue == "113073"
    assert 0 < len(made.SourceImageSequence) <= 6
    values = made.pixel_array * float(made.RescaleSlope) + float(made.RescaleIntercept)
    np.testing.assert_allclose(values, series.volume.array[0], atol=float(made.RescaleSlope) / 2 * 1.001)
    assert run_command("check", tmp_path / "out") == 0
    assert run_command("explain", tmp_path / "out") == 0
    assert "Curved multiplanar reformatting" in capsys.readouterr().out
    assert verified(tmp_path / "out", tmp_path / "source").verdict == "SAME"


def test_a_changed_pixel_is_noticed(tmp_path):
    save(make_series("CT"), tmp_path / "source")
    source = derive.read(tmp_path / "source")
    call = reformat(along_curve=within(source.geometry, FOUR), width_mm=6.0)
    (file,) = derive.build(source, gaussian_blur(sigma_mm=1.0), call).write(tmp_path / "out").files
    assert verified(tmp_path / "out", tmp_path / "source").verdict == "SAME"

    def darker(dataset):
        pixels = dataset.pixel_array.copy()
        pixels[2, 3] += 5
        dataset.PixelData = pixels.tobytes()

    edit(file, darker)
    found = verified(tmp_path / "out", tmp_path / "source")
    assert (found.verdict, found.images[0].voxels) == ("DIFFERS", 1)


def test_of_several_volumes_each_is_an_image_and_recomputed(tmp_path):
    made = multi_frame("MR", slices=5, along={"EffectiveEchoTime": (4.0, 9.0)})
    save([made], tmp_path / "source")
    source = derive.read(tmp_path / "source")
    call = reformat(along_curve=within(source.geometry, TWO), width_mm=5.0)
    report = derive.build(source, call).write(tmp_path / "out")
    assert {pydicom.dcmread(f).SOPClassUID for f in report.files} == {pydicom.uid.SecondaryCaptureImageStorage}
    assert len(report.files) == 2
    assert verified(tmp_path / "out", tmp_path / "source").verdict == "SAME"


def test_a_curve_that_fits_in_no_description_is_recorded_by_a_digest(tmp_path):
    save(make_series("CT"), tmp_path / "source")
    geometry = derive.read(tmp_path / "source").geometry
    np.savetxt(tmp_path / "p.csv", geometry.points_of(np.linspace((1, 2, 2), (4, 9, 9), 80)), delimiter=",")
    series = derive.build(tmp_path / "source", reformat(along_curve=tmp_path / "p.csv", width_mm=5.0))
    (file,) = series.write(tmp_path / "out").files
    text = pydicom.dcmread(file).DerivationDescription
    assert DIGEST in text
    assert "of a file sha256:" in text
    found = verified(tmp_path / "out", tmp_path / "source")
    assert found.verdict == "NOT-RECOMPUTABLE"
    assert "digest" in found.reason


def test_it_has_no_other_form(tmp_path):
    source = derive.read(save(make_series("CT"), tmp_path / "source"))
    with pytest.raises(DeriveError) as refused:
        derive.build(source, reformat(along_curve=within(source.geometry, TWO), width_mm=5.0), into="enhanced")
    assert refused.value.code == "OPT-FORM"


def test_the_command_takes_a_file_of_points(tmp_path):
    save(make_series("CT"), tmp_path / "source")
    points = within(derive.read(tmp_path / "source").geometry, FOUR)
    np.savetxt(tmp_path / "p.csv", points, delimiter=",", header="x,y,z", comments="")
    flags = ("--along-curve", tmp_path / "p.csv", "--width-mm", "6", "--thickness-mm", "2", "--combine", "mip")
    assert run_command("reformat", tmp_path / "source", "-o", tmp_path / "out", *flags) == 0
    assert verified(tmp_path / "out", tmp_path / "source").verdict == "SAME"
