"""A written series, recomputed from its record and its sources, is the same: every operation, class and way in."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

import derive
from derive.operations import (
    anisotropic_diffusion,
    apply,
    bilateral,
    clip,
    crop,
    gaussian_blur,
    mean_projection,
    median,
    minip,
    mip,
    pad,
    reformat,
    resample,
    sharpen,
    threshold,
    unsharp_mask,
)
from derive.records.verify import verify
from derive.version import VERSION
from tests.helpers.commands import run as run_command
from tests.helpers.sources import OBLIQUE, make_series
from tests.helpers.verification import edit, pixels_of, save, schema, verified
from tests.line.test_real_matrix import VOLUMES

#: Every series of the real data that is one volume.
SERIES = VOLUMES
CHAINS = {
    "gaussian_blur": [gaussian_blur(sigma_mm=(1.5, 0.0, 2.5))],
    "resample": [resample(spacing_mm=(2.0, 3.1, 3.0))],
    "resample-in-plane": [resample(spacing_mm=2.0, interpolator="nearest", fill="padding"), mip()],
    "bspline": [resample(spacing_mm=(3.7, 4.1, 4.0), interpolator="bspline", fill=-7.5)],
    "lanczos": [resample(spacing_mm=(12.0, 14.0, 3.0), interpolator="lanczos")],
    "mip": [mip(slab_mm=10.0, step_mm=5.0)],
    "mip-coronal": [mip(slab_mm=40.0, plane="coronal")],
    "mip-whole": [mip()],
    "minip": [minip(slab_mm=8.0, plane="sagittal", step_mm=30.0)],
    "mean_projection": [mean_projection(slab_mm=9.0)],
    "reformat": [reformat(plane="coronal")],
    "reformat-oblique": [reformat(normal=(0.3, -0.5, 0.8), spacing_mm=4.0, thickness_mm=9.0, combine="mip")],
    "filters": [
        median(radius_mm=1.0),
        bilateral(sigma_mm=0.5, sigma_values=50.0),
        sharpen(amount=0.4, in_planes=True),
        unsharp_mask(sigma_mm=(1.0, 1.0, 0.0), threshold=5.0),
        anisotropic_diffusion(conductance=40.0, iterations=2),
    ],
    "edited": [
        clip(low=-900.0),
        threshold(low=0.25, high=2000.0, outside="padding"),
        crop(from_voxel=(3, 2, 1), to_voxel=(9, 9, 2)),
        pad(by_mm=4.0),
    ],
    "chain": [gaussian_blur(sigma_mm=2), resample(spacing_mm=4.0), minip(slab_mm=9, plane="axial")],
}


def test_a_long_series_is_the_same(real, tmp_path):
    report = derive.build(derive.read(real("ct_philips_ingenuity_140")), *CHAINS["chain"]).write(tmp_path / "out")
    found = verified(tmp_path / "out", real("ct_philips_ingenuity_140"))
    assert (found.verdict, len(found.images), found.sources[2]) == ("SAME", len(report.files), 140)


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("name", SERIES)
def test_every_operation_and_chain_is_the_same_on_real_series(name, chain, cropped, tmp_path):
    source = derive.read(cropped(name))
    report = derive.build(source, *CHAINS[chain]).write(tmp_path / "out")
    found = verified(tmp_path / "out", cropped(name))
    assert (found.verdict, found.reason, found.notes) == ("SAME", "", ())
    assert len(found.images) == len(report.files)
    assert [s.text for s in found.steps] == [str(o) for o in CHAINS[chain]]
    assert found.sources[2] == len(source.frames)


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("chain", CHAINS)
def test_every_operation_and_chain_is_the_same_on_each_class_padded_and_oblique(chain, modality, derived_on_disk):
    padding = {"PixelPaddingValue": 700, "PixelPaddingRangeLimit": 760}
    out, source, _ = derived_on_disk(*CHAINS[chain], modality=modality, cosines=OBLIQUE, count=9, **padding)
    assert np.isnan(derive.stack(derive.read(source)).array).any()
    assert verified(out, source).verdict == "SAME"


def test_names_of_files_and_instance_numbers_do_not_matter(derived_on_disk, tmp_path):
    out, source, written = derived_on_disk()
    (tmp_path / "renamed").mkdir()
    for number, file in enumerate(reversed(written)):
        shutil.copy(file, tmp_path / "renamed" / f"x{number}")
    assert verified(tmp_path / "renamed", source).verdict == "SAME"
    assert verified([str(f) for f in written], source).verdict == "SAME"
    assert len(verified(out, source).images) == 8


def double(values: np.ndarray) -> np.ndarray:
    return values * 2


def test_a_function_of_ones_own_is_not_recomputable_and_the_reason_names_it(derived_on_disk):
    out, source, _ = derived_on_disk(gaussian_blur(sigma_mm=1), apply(function=double, code="Smoothing"))
    found = verified(out, source)
    assert found.verdict == "NOT-RECOMPUTABLE"
    assert f"{double.__module__}:double" in found.reason
    assert [s.recomputable for s in found.steps] == [True, False]


def test_a_conversion_is_not_recomputable(tmp_path):
    source = save(make_series("CT", count=4), tmp_path / "source")
    reference = derive.read(source)
    np.save(tmp_path / "v.npy", np.full(reference.geometry.shape, -500, np.int16))
    series = derive.convert(
        tmp_path / "v.npy", reference=reference, orientation="reference", code="Smoothing", description="by hand"
    )
    series.write(tmp_path / "out")
    found = verified(tmp_path / "out", source)
    assert found.verdict == "NOT-RECOMPUTABLE"
    assert "no DICOM" in found.reason


def test_images_of_other_software_are_not_recomputable(real):
    found = verified(real("ct_small_ge_3"), real("ct_small_ge_3"))
    assert found.verdict == "NOT-RECOMPUTABLE"
    assert "no step of derive is recorded" in found.reason


def test_another_version_is_said_and_tried(derived_on_disk):
    out, source, written = derived_on_disk()
    for file in written:
        edit(file, lambda d: setattr(d, "SoftwareVersions", "0.0.1"))
    found = verified(out, source)
    assert (found.verdict, found.recorded_version) == ("SAME", "0.0.1")
    assert found.notes == (f"recorded by version 0.0.1, recomputed by {VERSION}",)


@pytest.mark.parametrize("step", [mip(), resample(spacing_mm=3.0), gaussian_blur(sigma_mm=1)], ids=str)
def test_a_part_of_a_series_is_found_again_among_all_of_it(step, tmp_path):
    source = save(make_series("CT", count=9), tmp_path / "source")
    part = [str(f) for f in sorted(source.iterdir())[2:7]]
    derive.build(derive.read(part), step).write(tmp_path / "out")
    found = verified(tmp_path / "out", source)
    assert (found.verdict, found.sources[2]) == ("SAME", 5)


def test_sources_that_contributed_to_nothing_are_used_all_the_same(derived_on_disk):
    out, source, _ = derived_on_disk(minip(slab_mm=1.0, step_mm=6.0), count=9)
    found = verified(out, source)
    assert (found.verdict, found.sources) == ("SAME", (3, 3, 9))


def test_what_was_derived_twice_is_recomputed_from_what_the_last_run_had(derived_on_disk, tmp_path):
    out, source, _ = derived_on_disk()
    derive.build(derive.read(out), mip(slab_mm=4.0)).write(tmp_path / "twice")
    found = verified(tmp_path / "twice", out)
    assert found.verdict == "SAME"
    assert [s.text for s in found.steps] == ["mip(slab_mm=4, plane='native')"]
    assert verified(tmp_path / "twice", [str(source), str(out)]).verdict == "SAME"
    found = verified(tmp_path / "twice", source)
    assert found.verdict == "NOT-RECOMPUTABLE"
    assert derive.read(out).series_instance_uid in found.reason


@pytest.fixture
def on_reference(tmp_path):
    """A series on the grid of another one; both are in one frame of reference."""
    source = save(make_series("CT", count=6), tmp_path / "source")
    changes = {"SeriesInstanceUID": "1.2.3.9", "SOPInstanceUID": lambda k: f"1.2.3.9.{k + 1}"}
    other = save(make_series("MR", count=4, spacing=(2.0, 1.7), step=2.5, **changes), tmp_path / "other")
    steps = resample(reference=derive.read(other)), gaussian_blur(sigma_mm=1.0)
    derive.build(derive.read(source), *steps).write(tmp_path / "out")
    return tmp_path / "out", source, other


def test_a_grid_that_is_recorded_by_its_series_is_asked_for(on_reference):
    out, source, other = on_reference
    found = verified(out, source)
    assert found.verdict == "NOT-RECOMPUTABLE"
    assert "series 1.2.3.9, of which only the UID is recorded; give it with reference=" in found.reason
    assert verified(out, source, reference=other).verdict == "SAME"
    assert verified(out, [str(source), str(other)]).verdict == "SAME"
    wrong = verified(out, source, reference=source)
    assert (wrong.verdict, "cannot be read" in wrong.reason) == ("NOT-RECOMPUTABLE", True)


def test_a_grid_that_is_recorded_by_its_numbers_is_enough(tmp_path):
    source = save(make_series("CT", count=6), tmp_path / "source")
    read = derive.read(source)
    grid = derive.Geometry(
        (-9.3, 21.1, -29.0), (0.96, 0.28, 0.0), (-0.28, 0.96, 0.0), (1 / 3, 2.0), 1.1, (7, 20, 5),
        read.geometry.frame_of_reference_uid,
    )  # fmt: skip
    derive.build(read, resample(reference=grid)).write(tmp_path / "out")
    assert verified(tmp_path / "out", source).verdict == "SAME"


def test_a_series_that_was_compressed_without_loss_on_the_way_is_the_same(derived_on_disk):
    out, source, written = derived_on_disk()
    for file in written:
        dataset = pydicom.dcmread(file)
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(file)
    assert verified(out, source).verdict == "SAME"


def test_archives_are_read_on_both_sides(derived_on_disk, tmp_path):
    out, source, _ = derived_on_disk()
    for folder in (out, source):
        with zipfile.ZipFile(tmp_path / f"{folder.name}.zip", "w") as archive:
            for file in folder.iterdir():
                archive.write(file, f"in/{file.name}")
    assert verified(tmp_path / "out.zip", tmp_path / "source.zip").verdict == "SAME"


def test_sources_are_looked_for_beside(derived_on_disk):
    out, source, _ = derived_on_disk()
    assert verified(out).verdict == "SAME"
    shutil.rmtree(source)
    found = verified(out)
    assert (found.verdict, len(found.missing)) == ("NOT-RECOMPUTABLE", 8)


def test_what_may_be_off_by_a_step_is_the_same_only_where_that_is_allowed(derived_on_disk):
    out, source, written = derived_on_disk()
    edit(written[0], lambda d: setattr(d, "PixelData", (pixels_of(d) + 1).tobytes()))
    assert verified(out, source).verdict == "DIFFERS"
    assert verified(out, source, within_steps=1).verdict == "SAME"
    for steps in (-1, float("nan"), float("inf")):
        with pytest.raises(derive.UsageError, match="VER-STEPS"):
            verify(out, source, within_steps=steps)


def test_several_series_are_chosen_from_by_uid(derived_on_disk, tmp_path):
    out, source, _ = derived_on_disk()
    derive.build(derive.read(source), mip()).write(tmp_path / "both" / "mip")
    shutil.copytree(out, tmp_path / "both" / "blur")
    assert [v.verdict for v in verified(tmp_path / "both", source).series] == ["SAME", "SAME"]
    with pytest.raises(derive.SourceError, match="SRC-SERIES"):
        verify([tmp_path / "both", source])
    assert len(verified(tmp_path / "both", source, series=derive.read(out).series_instance_uid).images) == 8


def test_what_holds_no_image_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("no image")
    with pytest.raises(derive.SourceError, match="SRC-NONE"):
        verify(tmp_path, tmp_path)


def run(*words):
    return run_command("verify", *words)


def test_the_command_says_it_and_ends_with_0_or_1(derived_on_disk, capsys):
    out, source, written = derived_on_disk()
    assert run(out, "--sources", source) == 0
    assert capsys.readouterr().out.startswith("SAME\n  step    gaussian_blur(sigma_mm=1.5)\n")
    assert run(out, "--sources", source, "--json") == 0
    schema().validate(json.loads(capsys.readouterr().out))
    edit(written[0], lambda d: setattr(d, "PixelData", (pixels_of(d) + 1).tobytes()))
    assert run(out, "--sources", source) == 1
    assert capsys.readouterr().out.startswith("DIFFERS: 1 of 8 images, in 168 voxels of 1 by 1 HU (1 steps) at most\n")
    assert run(out, "--sources", source, "--within-steps", "1", "--quiet") == 0
    assert capsys.readouterr().out == ""
    shutil.rmtree(source)
    assert run(out) == 1
    assert capsys.readouterr().out.startswith("NOT-RECOMPUTABLE: ")
