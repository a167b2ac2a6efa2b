"""Volumes that only Instance Numbers tell: moved and unfinished ones are refused, and no stack is made of them."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from tests.helpers.refusals import refused
from tests.helpers.sources import make_series

SLICES, STEP = 5, 3.0


def numbered(volumes=2, move=None, modality="MR", **changes):
    """Give volumes that differ in their pixels and Instance Numbers; `move(volume)` mm is where each begins."""
    datasets = []
    for volume in range(volumes):
        same = {"AcquisitionTime": "10", "ContentTime": "10", "AcquisitionNumber": 1, "FrameReferenceTime": None}
        same |= {"SpacingBetweenSlices": None} | changes
        for dataset in make_series(modality, count=SLICES, step=STEP, **same):
            k = len(datasets)
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{k + 1}"
            dataset.InstanceNumber = k + 1
            x, y, z = dataset.ImagePositionPatient
            dataset.ImagePositionPatient = [x, y, round(z + (move(volume) if move else 0.0), 4)]
            stored = np.random.default_rng(k + 50).integers(0, 900, (12, 14)).astype("<u2")
            dataset.PixelData = stored.tobytes()
            datasets.append(dataset)
    return [datasets[k] for k in np.random.default_rng(1).permutation(len(datasets))]


@pytest.mark.parametrize("volumes", [2, 3, 4])
@pytest.mark.parametrize("off_mm", [0.5, 1.0, 3.0, 3.5, -3.5, 7.25])
def test_a_moved_volume_is_refused_with_the_distance(volumes, off_mm):
    datasets = numbered(volumes, lambda v: off_mm if v == volumes - 1 else 0.0)
    error = refused(datasets, "GEO-4D")
    assert error.facts["off_mm"] == pytest.approx(abs(off_mm))
    assert f"{volumes} volumes of 5 slices, and volume {volumes} lies up to {abs(off_mm):.2f} mm" in error.message
    assert 'frames="1-5"' in error.message
    assert derive.read(datasets, frames="1-5").uneven is None


def test_the_order_of_slices_may_be_the_other_one():
    datasets = numbered(2, lambda v: 3.5 * v)
    for dataset in datasets:
        volume, place = divmod(dataset.InstanceNumber - 1, SLICES)
        dataset.InstanceNumber = volume * SLICES + SLICES - place
    assert refused(datasets, "GEO-4D").facts["off_mm"] == pytest.approx(3.5)


@pytest.mark.parametrize("said", [{"NumberOfTemporalPositions": 2}, {"SpacingBetweenSlices": STEP}], ids=str)
def test_a_volume_that_moved_by_half_a_step_is_none_of_one_even_stack(said):
    assert refused(numbered(2, lambda v: 1.5 * v, **said), "GEO-4D").facts["off_mm"] == pytest.approx(1.5)


@pytest.mark.parametrize("said", [{}, {"SpacingBetweenSlices": 1.5}], ids=str)
def test_slices_that_were_taken_in_two_passes_are_one_stack(said):
    series = derive.read(numbered(2, lambda v: 1.5 * v, **said))
    assert (series.geometry.shape[0], series.geometry.slice_spacing, series.uneven) == (10, 1.5, None)


def test_uneven_slices_that_go_on_are_one_stack():
    """Neck and chest, each with a step of its own; and two blocks with a gap between them."""
    places = (0, 2, 4, 6, 9, 12, 15, 18)
    datasets = make_series("CT", count=8, ImagePositionPatient=lambda k: [0.0, 0.0, float(places[k])])
    assert derive.read(datasets).uneven.code == "GEO-SPACING"
    assert derive.read(numbered(2, lambda v: 21.0 * v)).uneven.code == "GEO-GAP"


@pytest.mark.parametrize("said", [{}, {"NumberOfTemporalPositions": 4}], ids=str)
@pytest.mark.parametrize("left", [2, 3, 4])
def test_a_last_time_that_was_not_finished_is_named(left, said):
    datasets = [d for d in numbered(4, **said) if d.InstanceNumber <= 3 * SLICES + left]
    error = refused(datasets, "GEO-4D")
    assert f"3 volumes of 5 positions and one of {left}" in error.message
    assert 'frames="1-15"' in error.message
    whole = derive.read(datasets, frames="1-5")
    assert whole.volume.shape[0] == SLICES
    if said:
        assert len(derive.read(datasets, frames="1-15").volumes) == 3


def test_a_last_time_of_a_dynamic_pet_that_was_not_finished_is_named_by_its_time():
    datasets = numbered(3, modality="PT", FrameReferenceTime=None)
    for dataset in datasets:
        dataset.FrameReferenceTime = 1000.0 * ((dataset.InstanceNumber - 1) // SLICES)
    error = refused([d for d in datasets if d.InstanceNumber <= 13], "GEO-4D")
    assert "FrameReferenceTime 2000 has 3" in error.message
