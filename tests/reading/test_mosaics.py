"""Slices that lie side by side in one image are images: where private attributes have them, or refused by name."""

from __future__ import annotations

import subprocess

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

import derive
from derive.pixels import decode
from tests.helpers.mosaics import (
    SHAPE,
    STEP,
    classic,
    csa,
    mosaic_values,
    normal_of,
    place_of,
    protocol,
    siemens,
    tile_of,
    uih,
    xa_classic,
    xa_enhanced,
)
from tests.helpers.multi_frame import multi_frame
from tests.helpers.peers import tool
from tests.helpers.refusals import refused
from tests.helpers.source_files import save
from tests.reading.test_volumes_real import as_in, of_file

KINDS = {"siemens": siemens, "uih": uih, "xa_classic": xa_classic, "xa_enhanced": xa_enhanced}
IMAGE_CSA, SERIES_CSA = (0x0029, 0x1010), (0x0029, 0x1020)


def by_dcm2niix(folder, target):
    target.mkdir()
    subprocess.run([tool("dcm2niix"), "-f", "volume", "-o", target, "-z", "n", folder], check=True, capture_output=True)
    (path,) = target.glob("*.nii")
    return of_file(path)


def assert_slices(series, slices, sense=1, times=(0,)):
    """Every slice has the values and the place of its tile; volumes follow their times."""
    assert series.geometry.shape == (slices, *SHAPE)
    assert len(series.volumes) == len(times)
    numbers = range(slices) if sense > 0 else range(slices - 1, -1, -1)
    wanted = [(time, number) for time in times for number in numbers]
    for frame, (time, number) in zip(series.frames, wanted, strict=True):
        assert np.array_equal(frame.stored_values(), tile_of(number, time))
        assert np.allclose(frame.plane.position, place_of(number, sense), atol=1e-6)


@pytest.mark.parametrize("series", ["mr_0003", "mr_0004"])
def test_real_mosaics_are_the_volumes_that_dcm2niix_makes_of_them(series, real, tmp_path):
    folder = real(f"mr_siemens_mosaic/{series}")
    reference, values = by_dcm2niix(folder, tmp_path / "nifti")
    found = derive.read(folder)
    assert len(found.volumes) == values.shape[3] == 2
    assert found.geometry.shape == (5, 72, 72)
    for number, volume in enumerate(found.volumes):
        array, off = as_in(volume, reference)
        assert off < 1e-4
        assert np.array_equal(array, values[..., number])


@pytest.mark.parametrize("slices", [2, 7, 9])
@pytest.mark.parametrize("sense", [1, -1])
def test_oblique_ones_lie_where_dcm2niix_has_them_whichever_way_their_slices_go(slices, sense, tmp_path):
    (tmp_path / "in").mkdir()
    for time in range(2):
        save(siemens(slices, time=time, sense=sense), tmp_path / "in" / f"{time}.dcm")
    series = derive.read(tmp_path / "in")
    assert_slices(series, slices, sense, times=(0, 1))
    reference, values = by_dcm2niix(tmp_path / "in", tmp_path / "nifti")
    for number, volume in enumerate(series.volumes):
        array, off = as_in(volume, reference)
        assert off < 1e-2
        assert np.array_equal(array, values[..., number])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sense", [1, -1])
@pytest.mark.parametrize("slices", [4, 7])
def test_every_kind_says_how_many_and_where(kind, sense, slices):
    assert_slices(derive.read([KINDS[kind](slices, sense=sense)]), slices, sense)


@pytest.mark.parametrize("kind", ["siemens", "uih", "xa_classic"])
def test_several_are_volumes_in_time(kind):
    assert_slices(derive.read([KINDS[kind](5, time=t) for t in (2, 0, 1)]), 5, times=(0, 1, 2))


def test_several_of_an_xa_system_are_volumes_in_time():
    datasets = [xa_enhanced(7, number=n) for n in (2, 1, 3)]
    series = derive.read(datasets)
    assert [d.keyword for d in series.dimensions] == ["AcquisitionDateTime"]
    assert [f.reference.sop_instance_uid for f in series.frames[::7]] == [datasets[n].SOPInstanceUID for n in (1, 0, 2)]


def test_weighted_ones_are_volumes_by_b_value_and_direction():
    datasets = []
    for time, (b_value, direction) in enumerate(((1000, (0.0, 1.0, 0.0)), (0, None), (1000, (1.0, 0.0, 0.0)))):
        dataset = siemens(7, time=time)
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", str(b_value))
        if direction:
            block.add_new(0x0E, "FD", list(direction))
        datasets.append(dataset)
    b_values, directions = (d.values for d in derive.read(datasets).dimensions)
    assert b_values == (0.0, 1000.0, 1000.0)
    assert directions == (None, (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless]
)
def test_in_every_encoding(kind, syntax, tmp_path):
    dataset = KINDS[kind](7)
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    elif syntax == ExplicitVRBigEndian:
        dataset.PixelData = mosaic_values(7).byteswap().tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax
    implicit, little = syntax.is_implicit_VR, syntax.is_little_endian
    pydicom.dcmwrite(tmp_path / "a.dcm", dataset, implicit_vr=implicit, little_endian=little, force_encoding=True)
    assert_slices(derive.read(tmp_path), 7)


@pytest.mark.parametrize("make", [siemens, uih])
def test_private_blocks_are_found_by_their_creator(make):
    assert_slices(derive.read([make(7, block=0x2A)]), 7)
    if make is uih:
        refused([uih(7, creator="Somebody Else")], "SRC-MOSAIC")


@pytest.mark.parametrize("told", [("count", "normal"), ("count", "protocol"), ("normal", "protocol"), ("protocol",)])
def test_what_one_part_of_the_header_lacks_the_other_may_say(told):
    assert_slices(derive.read([siemens(7, told=told, sense=-1)]), 7, -1)


@pytest.mark.parametrize(
    ("told", "said"),
    [(("normal",), "how many slices"), (("count",), "in which order"), ((), "how many slices")],
)
def test_what_nobody_says_is_refused(told, said):
    assert said in refused([siemens(7, told=told)], "SRC-MOSAIC").message


def test_the_step_is_that_of_the_protocol_or_of_a_person():
    without = siemens(7)
    del without.SpacingBetweenSlices
    assert_slices(derive.read([without]), 7)
    without[SERIES_CSA].value = csa(MrProtocolVersion=1)
    assert 'assume={"SpacingBetweenSlices": MM}' in refused([without], "SRC-MOSAIC").message
    series = derive.read([without], assume={"SpacingBetweenSlices": STEP})
    assert_slices(series, 7)
    assert series.assumed == {"SpacingBetweenSlices": str(STEP)}


def _set(tag, value):
    def change(dataset):
        dataset[tag].value = value

    return change


def _narrower(dataset):
    dataset.Columns -= 1
    dataset.PixelData = mosaic_values(7)[:, 1:].tobytes()


def _many(dataset):
    dataset.Rows = 30
    dataset.PixelData = mosaic_values(7)[:30].tobytes()
    dataset[IMAGE_CSA].value = csa(NumberOfImagesInMosaic=100)


CONTRADICTIONS = {
    "order": (siemens, _set(SERIES_CSA, csa(MrPhoenixProtocol=protocol(7, -1))), "in one order by its Slice Normal"),
    "step": (siemens, _set(SERIES_CSA, csa(MrPhoenixProtocol=protocol(7, step=5.5))), "4.5, and its protocol"),
    "normal": (
        siemens,
        _set(IMAGE_CSA, csa(NumberOfImagesInMosaic=7, SliceNormalVector=[1.0, 0.0, 0.0])),
        "not normal to its rows",
    ),
    "grid": (siemens, _narrower, "do not divide by 3"),
    "count": (uih, _set((0x0065, 0x1050), "8"), "7 and 8 slices"),
    "many": (siemens, _many, "too few for"),
    "nan": (siemens, _set(IMAGE_CSA, csa(NumberOfImagesInMosaic=7, SliceNormalVector=[0.0, 0.0, float("nan")])), None),
    "place": (uih, lambda d: d[0x0065, 0x1051].value[3].pop("ImagePositionPatient"), "where slice 4 of 7 lies"),
    "broken": (siemens, _set(IMAGE_CSA, b"SV10\4\3\2\1" + b"\xff" * 40), None),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_contradicts_itself_is_refused_by_name(name):
    make, change, said = CONTRADICTIONS[name]
    dataset = make(7)
    change(dataset)
    if said is None:  # the protocol is there, and says it all
        assert_slices(derive.read([dataset]), 7)
    else:
        assert said in refused([dataset], "SRC-MOSAIC").message


def test_a_volume_that_was_moved_during_the_scan_is_not_held_against_the_protocol():
    dataset = siemens(7)
    dataset.ImagePositionPatient = [float(v) for v in np.array(dataset.ImagePositionPatient) + 40 * normal_of()]
    series = derive.read([dataset])
    assert np.allclose(series.frames[0].plane.position, place_of(0) + 40 * normal_of(), atol=1e-6)


def test_the_word_alone_makes_no_mosaic_of_what_was_unpacked():
    single = classic(1, ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    single.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    single.AcquisitionMatrix = [0, SHAPE[1], SHAPE[0], 0]
    assert derive.read([single]).geometry.shape == (1, *SHAPE)
    frames = multi_frame("MR", slices=6)
    frames.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    assert derive.read([frames]).geometry.shape[0] == 6


def test_a_mosaic_is_decoded_once_for_all_of_its_slices(monkeypatch, tmp_path):
    dataset = siemens(7)
    dataset.compress(RLELossless)
    save(dataset, tmp_path / "a.dcm")
    series, opened = derive.read(tmp_path), []
    decompress = decode._decompress
    monkeypatch.setattr(decode, "_decompress", lambda *a: opened.append(1) or decompress(*a))
    for frame in series.frames:
        frame.stored_values()
    assert len(opened) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_results_are_images_of_a_slice_and_refer_to_the_mosaic_once(kind, tmp_path):
    (tmp_path / "in").mkdir()
    save(KINDS[kind](7), tmp_path / "in" / "a.dcm")
    blurred = derive.read(tmp_path / "in")
    options = {"into": "classic"} if kind == "xa_enhanced" else {}
    derive.build(blurred, derive.operations.gaussian_blur(sigma_mm=2.0), **options).write(tmp_path / "out")
    written = [pydicom.dcmread(p) for p in sorted((tmp_path / "out").glob("*.dcm"))]
    assert len(written) == 7
    for dataset in written:
        assert (dataset.Rows, dataset.Columns) == SHAPE
        assert not {"MOSAIC", "VFRAME"} & set(dataset.ImageType)
        (image,) = dataset.SourceImageSequence
        assert image.ReferencedSOPInstanceUID == blurred.frames[0].reference.sop_instance_uid
        assert "ReferencedFrameNumber" not in image
        assert image.SpatialLocationsPreserved == "NO"
    assert derive.verify(tmp_path / "out", sources=[tmp_path / "in"]).same


FOR_ENHANCED = {
    "set": {"ApplicableSafetyStandardAgency": "IEC"},
    "assume": {
        "BodyPartExamined": "BRAIN",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "ComplexImageComponent": "MAGNITUDE",
    },
}


def test_real_mosaics_become_frames_of_an_enhanced_image(real, tmp_path):
    folder, assumed = real("mr_siemens_mosaic/mr_0003"), FOR_ENHANCED["assume"]
    options = {"into": "enhanced", "set": FOR_ENHANCED["set"]}
    blurred = derive.read(folder, assume=assumed)
    derive.build(blurred, derive.operations.gaussian_blur(sigma_mm=3.0), **options).write(tmp_path / "out")
    assert [pydicom.dcmread(p).NumberOfFrames for p in sorted((tmp_path / "out").glob("*.dcm"))] == [5, 5]
    assert derive.verify(tmp_path / "out", sources=[folder], assume=assumed).same


def test_conversion_to_classic_unpacks_them(real, tmp_path):
    """Of the unpacked slices dcm2niix makes the very file that it makes of the mosaics."""
    folder = real("mr_siemens_mosaic/mr_0003")
    derive.convert(folder, into="classic").write(tmp_path / "out")
    (mosaics, before), (slices, after) = (
        by_dcm2niix(source, tmp_path / name) for name, source in (("a", folder), ("b", tmp_path / "out"))
    )
    assert np.array_equal(before, after)
    assert np.allclose(mosaics.affine, slices.affine, atol=1e-4)
    assert derive.verify(tmp_path / "out", sources=[folder]).same
