"""Several volumes as NRRD and MetaImage: what SimpleITK reads is what was there, and it comes back in as it was."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it

import derive
from derive.conversion.beside import weights_of
from tests.helpers.asserting import raises_code
from tests.helpers.commands import run
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import AXIAL
from tests.helpers.vendors import DIRECTIONS, diffusion_series
from tests.reading.test_vendor_words import TILTED

SUFFIXES = (".nrrd", ".mha", ".mhd")
TIMES = {"TemporalPositionTimeOffset": (0.0, 2.5, 5.0)}
B_VALUES = (0, 500, 1000, 1000)


def told(series):
    return {d.keyword: d.values for d in series.dimensions}


def shells(plane):
    """Four volumes of three b-values."""
    datasets = diffusion_series("Siemens XA", plane)
    for dataset in datasets[3:6]:
        dataset.DiffusionBValue = 500.0
    return derive.read(datasets)


def arrays(series):
    return np.stack([volume.array for volume in series.volumes])


def by_itk(path):
    """(volume, slice, row, column), and the point of the last voxel of a volume."""
    image = sitk.ReadImage(str(path))
    values = sitk.GetArrayFromImage(image)
    values = np.moveaxis(values, -1, 0) if image.GetNumberOfComponentsPerPixel() > 1 else values
    last = [n - 1 for n in image.GetSize()[:3]] + [0] * (image.GetDimension() - 3)
    return values, image.TransformIndexToPhysicalPoint(last)[:3]


def back(path, out, *words):
    patient = ("--patient-id", "P1", "--patient-name", "Doe^Jane")
    assert run("convert", path, "-o", out, "--modality", "MR", *patient, *words) == 0
    return derive.read(out)


@pytest.mark.parametrize("plane", [AXIAL, TILTED])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_diffusion_goes_out_and_comes_back(suffix, plane, tmp_path):
    source = shells(plane)
    derive.export(source, tmp_path / f"v{suffix}")
    values, last = by_itk(tmp_path / f"v{suffix}")
    assert np.array_equal(values, arrays(source))
    grid = source.geometry
    assert np.allclose(last, grid.points_of(np.array([[n - 1 for n in grid.shape]]))[0], atol=1e-4)
    again = back(tmp_path / f"v{suffix}", tmp_path / "out")
    assert told(again)["DiffusionBValue"] == B_VALUES
    assert told(again)["DiffusionGradientOrientation"][0] is None
    assert np.allclose(told(again)["DiffusionGradientOrientation"][1:], DIRECTIONS, atol=1e-6)
    assert np.allclose(arrays(again), arrays(source))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_times_go_out_and_come_back_where_the_format_says_their_unit(suffix, tmp_path):
    source = derive.read([multi_frame("MR", along=TIMES)])
    assert derive.export(source, tmp_path / f"v{suffix}").time_step_s == 2.5
    image = sitk.ReadImage(str(tmp_path / f"v{suffix}"))
    assert (image.GetDimension(), image.GetSpacing()[3]) == (4, 2.5)
    assert np.array_equal(sitk.GetArrayFromImage(image), arrays(source))
    again = back(tmp_path / f"v{suffix}", tmp_path / "out")
    assert np.allclose(arrays(again), arrays(source))
    if suffix == ".nrrd":
        assert again.geometry.shape == source.geometry.shape
        assert len(again.volumes) == 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_echoes_are_a_list(suffix, tmp_path):
    source = derive.read([multi_frame("MR", along={"EffectiveEchoTime": (10.0, 25.5)})])
    found = derive.export(source, tmp_path / f"v{suffix}")
    assert (found.volumes, found.beside[0]) == (2, "v.json")
    assert np.array_equal(by_itk(tmp_path / f"v{suffix}")[0], arrays(source))


def slicer(path, values, *, first=False, **changed):
    """As 3D Slicer writes diffusion: right-anterior-superior, with a measurement frame, the list first or last."""
    fields = {
        "type": "short",
        "dimension": "4",
        "space": "right-anterior-superior",
        "sizes": " ".join(map(str, values.shape if first else values.shape[1:] + values.shape[:1])),
        "space directions": "none (-2,0,0) (0,-2,0) (0,0,3)" if first else "(-2,0,0) (0,-2,0) (0,0,3) none",
        "kinds": "vector domain domain domain" if first else "space space space list",
        "endian": "little",
        "encoding": "raw",
        "space origin": "(10,20,30)",
        "measurement frame": "(-1,0,0) (0,-1,0) (0,0,1)",
    } | changed.pop("fields", {})
    pairs = {"modality": "DWMRI", "DWMRI_b-value": "1000"}
    pairs |= {f"DWMRI_gradient_{k:04d}": g for k, g in enumerate(("0 0 0", "1 0 0", "0 .70710678 0"))} | changed
    lines = ["NRRD0005", *(f"{k}: {v}" for k, v in fields.items() if v), *(f"{k}:={v}" for k, v in pairs.items() if v)]
    order = "F" if first else "C"
    data = values.tobytes("F") if first else np.ascontiguousarray(values.transpose(0, 3, 2, 1)).tobytes(order)
    path.write_bytes(("\n".join(lines) + "\n\n").encode() + data)
    return path


VALUES = np.arange(3 * 8 * 9 * 4).reshape(3, 8, 9, 4).astype("<i2")


@pytest.mark.parametrize("first", [False, True])
def test_diffusion_of_slicer_comes_in(first, tmp_path):
    again = back(slicer(tmp_path / "v.nrrd", VALUES, first=first), tmp_path / "out")
    assert told(again)["DiffusionBValue"] == pytest.approx((0, 500, 1000), rel=1e-4)
    none, *directions = weights_of(again).directions
    assert none is None
    assert np.allclose(directions, [(0, 1, 0), (1, 0, 0)], atol=1e-6)
    assert np.allclose(arrays(again)[2, :, ::-1, ::-1], VALUES[1].transpose(2, 1, 0)) or np.allclose(
        arrays(again)[2], VALUES[1].transpose(2, 1, 0)
    )


BAD = {
    "fewer gradients than volumes": {"DWMRI_gradient_0002": ""},
    "more gradients than volumes": {"DWMRI_gradient_0003": "1 0 0"},
    "two numbers": {"DWMRI_gradient_0001": "1 0"},
    "no number": {"DWMRI_gradient_0001": "1 0 nan"},
    "no frame": {"fields": {"measurement frame": "(1,0,0) (0,1,0)"}},
    "a flat frame": {"fields": {"measurement frame": "(1,0,0) (0,1,0) (0,1,0)"}},
    "repeated too often": {"DWMRI_NEX_0000": "9"},
}


@pytest.mark.parametrize("what", BAD)
def test_gradients_that_do_not_fit_are_refused(what, tmp_path):
    path = slicer(tmp_path / "v.nrrd", VALUES, **BAD[what])
    with raises_code("SRC-DAMAGED"):
        run("convert", path, "-o", tmp_path / "out", "--modality", "MR")
