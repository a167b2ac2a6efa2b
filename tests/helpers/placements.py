"""Grids in every orientation, and that two volumes have the same values at the same places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydicom
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import derive
from tests.helpers import conversions as of
from tests.helpers.conversions import PATIENT, Placed
from tests.helpers.volumes import rotation

#: Matrix columns: directions of i, j and k, along the axes of the patient; every second is left-handed.
SIGNED = of.signed_permutations()
SPACING = (0.7, 1.3, 2.9)
#: Spacing (i, j, k) whose coarsest is that of k, of i, of j.
SPACINGS = [tuple(np.roll(SPACING, turn)) for turn in range(3)]
ACROSS = {"sagittal": 0, "coronal": 1, "axial": 2}


def oblique_volume(seed: int, spacing=None) -> Placed:
    """A volume of any orientation and either hand, its axes in any order."""
    directions = rotation(seed) @ SIGNED[(7 * seed) % 48]
    return Placed(of.distinct(), of.affine_of(directions, spacing or SPACINGS[seed % 3]))


def written(source: Any, folder, **options) -> derive.DerivedSeries:
    """Convert to CT of a new patient, write, and have the project's own check find no error."""
    series = derive.convert(source, **{"modality": "CT", "patient": PATIENT} | options)
    report = series.write(folder)
    assert report.saturated == 0
    assert [finding for finding in report.findings if finding.severity == "error"] == []
    return series


def units_of(affine) -> np.ndarray:
    return affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)


finite = st.floats(-1, 1).map(float)


@st.composite
def directions(draw):
    """Unit vectors at right angles, of either hand; now and then along the axes of the patient, or nearly."""
    kind, axes = draw(st.sampled_from(["any", "along", "nearly"])), SIGNED[draw(st.integers(0, 47))]
    quaternion = np.array(draw(st.tuples(*[finite] * 4)))
    if kind == "along" or not np.linalg.norm(quaternion) > 1e-3:
        return axes
    if kind == "nearly":
        return Rotation.from_rotvec(quaternion[:3] * 1e-6).as_matrix() @ axes
    return Rotation.from_quat(quaternion).as_matrix() @ axes


def assert_sound(folder, report, count=6) -> None:
    """Neither the validators nor the check of the project find a fault."""
    assert of.iod_errors(report.files, count) == {}
    assert of.entity_messages(*report.files) == set()
    assert of.check_errors(folder) == []


def allowed(report, values) -> float:
    """How far a value may be off: as stated, and the rounding of single precision."""
    return report.value_error + float(np.finfo(np.float32).eps) * float(np.abs(values).max())


def by_time(folder) -> dict[int, list[pydicom.Dataset]]:
    """The instances of a series of several times, by Temporal Position Identifier."""
    found: dict[int, list[pydicom.Dataset]] = {}
    for file in sorted(folder.glob("*.dcm")):
        dataset = pydicom.dcmread(file)
        found.setdefault(int(dataset.TemporalPositionIdentifier), []).append(dataset)
    return found
