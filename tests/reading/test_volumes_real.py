"""Volumes of real multi-frame and single-frame series are those that others find in them: values, places, b-values."""

from __future__ import annotations

import shutil
import subprocess

import nibabel
import numpy as np
import pydicom
import pytest

import derive
from tests.helpers.peers import tool

XA61, XA60 = "siemens_xa61_enh_dwi", "siemens_xa60_enh_7t"
FIELD_MAP, ASL = "philips_enh_fieldmap_2echo_magphase", "philips_enh_asl_multidelay"


def as_in(volume, reference):
    """Values in the order of the axes of a NIfTI file, and how far voxels lie from its own, in voxels.

    NIfTI has its axes towards R A S, DICOM towards L P S.
    """
    to_reference = np.linalg.inv(reference.affine) @ np.diag([-1, -1, 1, 1]) @ volume.geometry.affine
    whole = np.round(to_reference)
    corners = np.array([[0, 0, 0, 1], [*np.array(volume.shape) - 1, 1]]).T
    order = np.abs(whole[:3, :3]).argmax(axis=1)
    values = np.transpose(volume.array, order)
    for axis in range(3):
        if whole[axis, order[axis]] < 0:
            values = np.flip(values, axis)
    return values, float(np.abs((to_reference - whole) @ corners).max())


def of_file(path):
    reference = nibabel.load(path)
    values = reference.get_fdata()
    return reference, values if values.ndim == 4 else values[..., None]


@pytest.mark.parametrize("folder", [XA61, XA60])
def test_one_instance_a_volume_has_the_volumes_b_values_and_directions_of_its_nifti(folder, real):
    series = derive.read(real(f"{folder}/dwi"))
    (path,) = real(f"{folder}/ref").glob("*.nii.gz")
    reference, values = of_file(path)
    assert len(series.volumes) == values.shape[3] == 7
    for number, volume in enumerate(series.volumes):
        found, off = as_in(volume, reference)
        assert off < 1e-3
        assert np.array_equal(found, values[..., number])
    stem = str(path).removesuffix(".nii.gz")
    b_values, directions = (d.values for d in series.dimensions)
    assert list(b_values) == np.loadtxt(f"{stem}.bval").tolist()
    axes = np.array([series.geometry.row_cosines, series.geometry.column_cosines, series.geometry.normal])
    for direction, said in zip(directions, np.loadtxt(f"{stem}.bvec").T, strict=True):
        of_image = axes @ (direction or (0, 0, 0))
        assert np.allclose(np.abs(of_image), np.abs(said), atol=2e-3)


@pytest.mark.parametrize(
    ("file", "reference", "stack", "dimension"),
    [
        (f"{ASL}/dicom/401_3D_pCASL_6mm_real.dcm", f"{ASL}/ref_nifti/401_3D_pCASL_6mm_enhanced_real.nii.gz", None, ()),
        *(
            (
                f"{ASL}/dicom/301_ASL_MultiPhase_real.dcm",
                f"{ASL}/ref_nifti/301_ASL_MultiPhase_enhanced_real_t{t}.nii.gz",
                None,
                ("TriggerTime", float(t)),
            )
            for t in range(300, 2051, 250)
        ),
        *(
            (
                f"{FIELD_MAP}/dicom/2001_WIP_fcMRI_Field_Mapping_e2_phMag.dcm",
                f"{FIELD_MAP}/ref_nifti/2001_WIP_fcMRI_Field_Mapping_enh_{name}.nii.gz",
                stack,
                ("EchoTime", echo_time),
            )
            for name, stack, echo_time in (("e1", "magnitude", 2.3), ("e2_ph", "phase", 4.6))
        ),
    ],
)
def test_each_volume_of_one_instance_is_that_of_its_nifti(file, reference, stack, dimension, real):
    series = derive.read(real(file), stack=stack)
    number = series.dimensions[0].values.index(dimension[1]) if dimension else 0
    assert not dimension or series.dimensions[0].keyword == dimension[0]
    image, values = of_file(real(reference))
    found, off = as_in(series.volumes[number], image)
    assert off < 1e-3
    # the references of Philips are in units of the scanner's own scaling, which its private attributes say
    factor = (values[..., 0] * found).sum() / (found.astype(float) ** 2).sum()
    assert np.abs(found * factor - values[..., 0]).max() <= 2e-3 * np.abs(values).max()


@pytest.mark.parametrize(
    ("file", "chosen", "volumes"),
    [
        ("philips_balls_enh/dicom/DTI.dcm", {"stack": "magnitude"}, 7),
        ("philips_balls_enh/dicom/DTI.dcm", {"stack": "trace"}, 1),
        ("philips_balls_enh/dicom/T2_-interleaved.dcm", {}, 2),
        ("philips_balls_enh/dicom/fieldmap.dcm", {"stack": "magnitude"}, 1),
        ("philips_balls_enh/dicom/fieldmap.dcm", {"stack": "phase"}, 1),
    ],
)
def test_every_frame_is_in_one_volume_with_those_that_say_the_same(file, chosen, volumes, real):
    dataset = pydicom.dcmread(real(file))
    frames = dataset.PerFrameFunctionalGroupsSequence
    series = derive.read(real(file), **chosen)
    numbers = np.array([f.number for f in series.frames]).reshape(volumes, -1)
    assert len(set(numbers.ravel())) == numbers.size

    def said(number):
        frame = frames[number - 1]
        diffusion = frame.MRDiffusionSequence[0] if "MRDiffusionSequence" in frame else pydicom.Dataset()
        gradient = diffusion.get("DiffusionGradientDirectionSequence")
        return (
            str(frame.MRImageFrameTypeSequence[0].ComplexImageComponent),
            float(diffusion.get("DiffusionBValue", 0)),
            tuple(gradient[0].DiffusionGradientOrientation) if gradient else None,
            diffusion.get("DiffusionDirectionality"),
            frame.FrameContentSequence[0].get("TemporalPositionIndex"),
        )

    kinds = [{said(n) for n in row} for row in numbers]
    assert [len(kind) for kind in kinds] == [1] * volumes
    assert len(set.union(*kinds)) == volumes
    for row, volume in zip(numbers, series.volumes, strict=True):
        positions = [frames[n - 1].PlanePositionSequence[0].ImagePositionPatient for n in row]
        assert np.allclose(positions, [volume.geometry.position(k) for k in range(len(row))], atol=1e-6)
        slopes = [frames[n - 1].PixelValueTransformationSequence[0] for n in row]
        stored = np.stack([dataset.pixel_array[n - 1] for n in row])
        scale = [(float(s.RescaleSlope), float(s.RescaleIntercept)) for s in slopes]
        values = np.stack([plane * a + b for plane, (a, b) in zip(stored, scale, strict=True)])
        assert np.allclose(volume.array, values, rtol=1e-6)


VENDORS = "enhanced_mr/icometrix+dicom2nifti/tests/data"


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("philips_balls_enh/dicom/DTI.dcm", {"stack": "magnitude"}),
        ("philips_balls_enh/dicom/fieldmap.dcm", {"stack": "phase"}),
        ("philips_balls_enh/dicom/fieldmap.dcm", {"stack": "magnitude"}),
        (f"{VENDORS}/hyperfine/anatomical/001/001.dcm", {}),
        (f"{VENDORS}/philips_enhanced/anatomical/001/IM-0001-0170-0001.dcm", {}),
        (f"{VENDORS}/siemens_multiframe/anatomical/001/IM-0001-0001-0001.dcm", {}),
        ("mr_philips_classic24_and_enhanced/401_T1W_FFE_Sno_CS2", {}),
        ("legacy_converted_ct/multiframe/mf.dcm", {}),
        ("enhanced_ct_2f/eCT_Supplemental.dcm", {}),
        ("mr_ge_4d_fmri_15x10", {}),
    ],
)
def test_every_volume_is_one_of_those_that_dcm2niix_makes(name, chosen, real, tmp_path):
    path = real(name)
    folder = path if path.is_dir() else tmp_path / "alone"
    if not path.is_dir():
        folder.mkdir()
        shutil.copy(path, folder)
    (tmp_path / "nii").mkdir()
    command = ["-b", "n", "-z", "n", "-p", "n", "-f", "%s_%d", "-o", str(tmp_path / "nii"), str(folder)]
    subprocess.run([tool("dcm2niix"), *command], check=False, capture_output=True)
    references = [of_file(file) for file in sorted((tmp_path / "nii").glob("*.nii"))]
    series = derive.read(path, **chosen)
    matched = set()
    for volume in series.volumes:
        off = {}
        for number, (reference, values) in enumerate(references):
            found, beside = as_in(volume, reference)
            if found.shape == values.shape[:3] and beside < 1e-2:
                off |= {(number, t): float(np.abs(found - values[..., t]).max()) for t in range(values.shape[3])}
        best = min(off, key=off.__getitem__)
        assert off[best] <= 1e-5 * max(1.0, float(np.abs(volume.array).max()))
        matched.add(best)
    assert len(matched) == len(series.volumes)


@pytest.mark.parametrize(
    ("folder", "count", "keyword"),
    [
        ("mr_ge_4d_fmri_15x10", 10, "TemporalPositionIdentifier"),
        ("mr_siemens_dwi_b0_500_1500", 13, "DiffusionBValue"),
    ],
)
def test_single_frame_series_have_as_many_volumes_as_there_are_images_at_a_position(folder, count, keyword, real):
    series = derive.read(real(folder))
    assert series.dimensions[0].keyword == keyword
    assert len(series.volumes) == count
    if keyword == "DiffusionBValue":
        assert sorted(series.dimensions[0].values) == [0.0] + [500.0] * 6 + [1500.0] * 6
        assert [d is None for d in series.dimensions[1].values] == [True] + [False] * 12
