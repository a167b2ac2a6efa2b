"""What vendors say in private attributes and comments is told as the standard says it, and as dcm2niix finds it."""

from __future__ import annotations

import subprocess

import nibabel
import numpy as np
import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.asserting import every
from tests.helpers.mosaics import csa
from tests.helpers.peers import tool
from tests.helpers.refusals import refused
from tests.helpers.sources import AXIAL, make_series
from tests.helpers.vendors import DIRECTIONS, VENDORS, diffusion_series

CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
TILTED = ((1.0, 0.0, 0.0), (0.0, 0.96, 0.28))

#: It reads neither directions that only a matrix tells, nor those of Bruker, nor macros of single-frame images of UIH.
KNOWN_TO_DCM2NIIX = [v for v in VENDORS if v not in ("Siemens matrix", "Bruker", "macro")]


def told(series):
    return {d.keyword: d.values for d in series.dimensions}


def directions_of_dcm2niix(folder, tmp_path):
    """Return b-values, and directions of the patient: those of FSL are along voxels, the first turned where that
    makes the axes left-handed.
    """
    command = [tool("dcm2niix"), "-f", "x", "-z", "n", "-o", str(tmp_path), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    axes = nibabel.load(tmp_path / "x.nii").affine[:3, :3]
    vectors = np.loadtxt(tmp_path / "x.bvec").T * ([-1, 1, 1] if np.linalg.det(axes) > 0 else [1, 1, 1])
    return np.loadtxt(tmp_path / "x.bval"), vectors @ (axes / np.linalg.norm(axes, axis=0)).T * [-1, -1, 1]


@pytest.mark.parametrize(("plane", "encoded"), [(AXIAL, "COL"), (TILTED, "ROW"), (CORONAL, "COL"), (SAGITTAL, "ROW")])
@pytest.mark.parametrize("vendor", KNOWN_TO_DCM2NIIX)
def test_b_values_and_directions_are_those_of_dcm2niix(vendor, plane, encoded, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    for number, dataset in enumerate(diffusion_series(vendor, plane, encoded)):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    found = told(derive.read(folder))
    b_values, directions = directions_of_dcm2niix(folder, out)
    assert found["DiffusionBValue"] == tuple(b_values) == (0, 1000, 1000, 1000)
    assert found["DiffusionGradientOrientation"][0] is None
    assert np.allclose(found["DiffusionGradientOrientation"][1:], directions[1:], atol=1e-3)


@pytest.mark.parametrize("vendor", VENDORS)
def test_volumes_come_back_from_a_result(vendor, tmp_path):
    """Results have no private attributes that are not known to be safe; what tells volumes apart goes on."""
    source = derive.read(diffusion_series(vendor, AXIAL))
    derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    again = derive.read(tmp_path / "out")
    assert set(told(again)) == {"DiffusionBValue", "DiffusionGradientOrientation"}
    assert every(len(v) == 4 for v in told(again).values())
    found, wanted = (told(s)["DiffusionGradientOrientation"][1:] for s in (again, source))
    assert np.allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_tells_volumes_apart(vendor):
    """Of GE and Canon directions are along frequency and phase: which of both is which, others compare."""
    found = told(derive.read(diffusion_series(vendor, AXIAL)))
    assert found["DiffusionBValue"] == (0, 1000, 1000, 1000)
    if not vendor.startswith(("GE", "Canon", "UIH")):
        assert np.allclose(np.abs(found["DiffusionGradientOrientation"][1:]), DIRECTIONS, atol=1e-6)


def test_what_the_standard_says_is_left_as_it_is():
    datasets = diffusion_series("GE", AXIAL)
    for number, dataset in enumerate(datasets):
        volume = number // 3
        dataset.DiffusionBValue = 700.0 if volume else 0.0
        if volume:
            dataset.DiffusionGradientOrientation = list(DIRECTIONS[volume - 1])
    found = told(derive.read(datasets))
    assert found["DiffusionBValue"] == (0, 700, 700, 700)
    assert found["DiffusionGradientOrientation"][1:] == DIRECTIONS


@pytest.mark.parametrize("comments", ["b=high", "b=1000 of Jane Doe", "b=1000(1,0)", ""])
def test_other_comments_are_no_b_values(comments):
    series = derive.read(make_series("MR", ImageComments=comments))
    assert series.table.column(0x00189087)[0] is None


def test_images_of_ge_that_are_not_weighted_say_no_direction():
    """Where GE has directions, other protocols keep what they like."""
    datasets = make_series("MR", InPlanePhaseEncodingDirection="COL")
    for dataset in datasets:
        VENDORS["GE"](dataset, 0, (0.0, 0.0, 1.0))
    series = derive.read(datasets)
    assert series.table.column(0x00189089)[0] is None
    assert series.table.column(0x00189087)[0] is None


def test_private_attributes_of_nobody_are_not_read():
    datasets = diffusion_series("GE", AXIAL)
    for dataset in datasets:
        dataset[0x00430012].value = "SOMEBODY ELSE"
    refused(datasets, "GEO-4D")


def repeated(changed=None):
    """Images without weighting twice, before and behind those of three directions; nothing but numbers tells which."""
    first, again = (diffusion_series("GE", AXIAL) for _ in range(2))
    datasets = [*first, *again[:3]]
    for number, dataset in enumerate(datasets):
        dataset.InstanceNumber = number + 1
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
            f"1.2.826.0.1.3680043.10.1111.9.{number}"
        )
    if changed:
        changed(datasets)
    return datasets


def test_what_is_taken_twice_is_two_volumes_where_instance_numbers_go_through(tmp_path):
    source = derive.read(repeated())
    assert told(source)["DiffusionBValue"] == (0, 0, 1000, 1000, 1000)
    numbers = [[int(f.reference.sop_instance_uid.rpartition(".")[2]) for f in source.frames][k : k + 3] for k in (0, 3)]
    assert numbers == [[0, 1, 2], [12, 13, 14]]
    derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    assert told(derive.read(tmp_path / "out"))["DiffusionBValue"] == (0, 0, 1000, 1000, 1000)


def test_what_is_taken_twice_and_numbered_across_is_refused():
    def mixed(datasets):
        datasets[0].InstanceNumber, datasets[14].InstanceNumber = 15, 1
        datasets[2].InstanceNumber, datasets[3].InstanceNumber = 4, 3

    assert refused(repeated(mixed), "GEO-4D").facts["positions"] == 3


def named(names, changed=None):
    """Volumes of which only Sequence Name says what they are, as a de-identification leaves them."""
    datasets = diffusion_series("Siemens", AXIAL, volumes=len(names))
    for number, dataset in enumerate(datasets):
        del dataset[0x00190010], dataset[0x0019100C]
        if 0x0019100E in dataset:
            del dataset[0x0019100E]
        dataset.SequenceName = names[number // 3]
        if changed:
            changed(dataset, number // 3)
    return datasets


def test_sequence_names_of_siemens_tell_b_values_and_count(tmp_path):
    names = ["*ep_b0", *(f"*ep_b1000#{n}" for n in range(1, 13))]
    found = told(derive.read(named(names)))
    assert found["DiffusionBValue"] == (0, *[1000] * 12)
    assert "DiffusionGradientOrientation" not in found
    assert found["SequenceName"] == tuple(names)


@pytest.mark.parametrize(("name", "b_value"), [("ep_b50t", 50), ("*ep2d_diff_b800", 800), ("re_b1000#3", 1000)])
def test_a_name_that_tells_a_b_value(name, b_value):
    series = derive.read(named(["*ep_b0", name]))
    assert told(series)["DiffusionBValue"] == (0, b_value)


@pytest.mark.parametrize("name", ["*tfl2d1_b1", "b1000", "*fl3d1", "ep_b1000x", "EPI_B1000", "*se_b0"])
def test_other_names_are_no_b_values(name):
    series = derive.read(make_series("MR", SequenceName=name))
    assert series.table.column(0x00189087)[0] is None


def test_a_trace_beside_directions_is_a_stack_of_its_own():
    datasets = named(["*ep_b0", "*ep_b1000#1", "*ep_b1000#2", "ep_b1000t"], in_csa)
    error = refused(datasets, "SRC-STACK")
    assert [s["name"] for s in error.facts["stacks"]] == ["other", "trace"]
    assert told(derive.read(datasets, stack="other"))["DiffusionBValue"] == (0, 1000, 1000)


def in_csa(dataset, volume):
    if volume in (1, 2):
        VENDORS["Siemens CSA"](dataset, 1000, DIRECTIONS[volume])


def test_an_isotropic_volume_of_philips_is_a_trace():
    datasets = diffusion_series("Philips", AXIAL)
    for dataset in datasets[9:]:
        dataset.add_new(0x20011004, "CS", "I")
        for tag in (0x200510B0, 0x200510B1, 0x200510B2):
            dataset[tag].value = 0.0
    assert [s["name"] for s in refused(datasets, "SRC-STACK").facts["stacks"]] == ["other", "trace"]


def test_a_matrix_of_several_gradients_has_no_direction():
    datasets = diffusion_series("Siemens matrix", AXIAL)
    for dataset in datasets[3:]:
        dataset[0x00191027].value = [400.0, 0.0, 0.0, 300.0, 0.0, 300.0]
    series = derive.read(datasets)
    assert told(series)["DiffusionBValue"] == (0, 1000, 1000, 1000)
    assert not any(series.table.column(0x00189089))


@pytest.mark.parametrize("broken", [b"SV10" + bytes(40), b"nothing", csa(B_value="much")])
def test_a_broken_csa_header_says_nothing(broken):
    datasets = make_series("MR")
    for dataset in datasets:
        dataset.add_new(0x00290010, "LO", "SIEMENS CSA HEADER")
        dataset.add_new(0x00291010, "OB", broken)
    assert derive.read(datasets).table.column(0x00189087)[0] is None
