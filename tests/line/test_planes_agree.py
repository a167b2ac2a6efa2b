"""Reading refuses, the inspection describes, the check finds: of one stack all three say the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import derive
from derive.checking.series import SeriesChecker
from derive.elements.datasets import from_dataset
from derive.errors import GeometryError
from derive.inspection.grid import Grid
from tests.helpers.sources import AXIAL, OBLIQUE, make_series

#: What a check finds of the planes of a series, by what reading says to them.
FOUND = {
    "GEO-TILT": "CHK-SERIES-SHEAR",
    "GEO-SHIFT": "CHK-SERIES-SHEAR",
    "GEO-GAP": "CHK-SERIES-GAP",
    "GEO-SPACING": "CHK-SERIES-GAP",
    "GEO-4D": "CHK-SERIES-SAME",
    "GEO-DUPLICATE": "CHK-SERIES-SAME",
    "GEO-ORIENTATION": "CHK-SERIES-PLANE",
    "GEO-PIXELS": "CHK-SERIES-PLANE",
}
OF_PLANES = {*FOUND.values(), "CHK-SERIES-MATRIX"}


@dataclass(frozen=True)
class Said:
    """What the three say: the code of the error, or ``ok``; a grid; codes of findings."""

    code: str
    spacing_mm: float | None
    grid: Grid
    findings: frozenset[str]


def said_of(datasets) -> Said:
    code, spacing = "ok", None
    try:
        series = derive.read(datasets)
        spacing = series.geometry.slice_spacing
        code = series.uneven.code if series.uneven else code
    except GeometryError as error:
        code = error.code
    (stack,) = derive.inspect(datasets).stacks
    checker = SeriesChecker()
    for index, dataset in enumerate(datasets):
        checker.add(from_dataset(dataset), None, str(index))
    return Said(code, spacing, stack.grid, frozenset(f.code for f in checker.finish()) & OF_PLANES)


def agreed(said: Said) -> None:
    grid = said.grid
    apart = [odd for odd in grid.odd if odd.apart]
    if said.code == "ok":
        assert said.findings == frozenset()
        assert (apart, grid.gaps, grid.repeats) == ([], (), None)
        assert grid.spacing_xyz_mm[2] == said.spacing_mm
        return
    assert FOUND[said.code] in said.findings
    assert bool(grid.gaps) or said.code != "GEO-GAP"
    assert (grid.repeats is not None) or said.code not in ("GEO-4D", "GEO-DUPLICATE")
    assert bool(apart) is (said.code in ("GEO-ORIENTATION", "GEO-PIXELS"))


def series_of(positions, cosines, pixel):
    """Positions along the normal, rows and columns of the first image; cosines and Pixel Spacing of each."""
    axes = np.stack([np.cross(*cosines[0]), cosines[0][0], cosines[0][1]])
    places = np.asarray(positions) @ axes
    return make_series(
        count=len(positions),
        shape=(4, 5),
        ImagePositionPatient=lambda k: [round(float(v), 6) for v in places[k]],
        ImageOrientationPatient=lambda k: [round(float(v), 9) for v in np.ravel(cosines[k])],
        PixelSpacing=lambda k: list(pixel[k]),
    )


def turned(cosines, angle):
    """Rows and columns turned in their plane."""
    row, column = np.array(cosines)
    return np.cos(angle) * row + np.sin(angle) * column, np.cos(angle) * column - np.sin(angle) * row


OFF = st.sampled_from([0, 0, 0, 0.004, 0.0101, 0.03, 0.06, 0.09, 0.101, 0.15, 0.4])


@st.composite
def stacks(draw):
    """Stacks near the limits of everything that can be off."""
    count, step = draw(st.integers(3, 7)), draw(st.sampled_from([0.02, 0.3, 1.0, 2.5, 8.0]))
    wanted = sorted(draw(st.sets(st.integers(0, count + 1), min_size=count, max_size=count)))
    numbers = draw(st.sampled_from([list(range(count)), wanted]))
    positions = np.zeros((count, 3))
    positions[:, 0] = step * np.array(numbers)
    positions[:, 1] = draw(st.sampled_from([0, 0, 0.002, 0.02, 0.3])) * positions[:, 0]
    moved = draw(st.integers(0, count - 1))
    positions[moved] += [draw(OFF), draw(OFF), 0]
    if draw(st.booleans()) and draw(st.booleans()):
        positions[moved] = positions[moved - 1] + [0, 0, draw(st.sampled_from([0, 0.005, 0.011]))]
    first = draw(st.sampled_from([AXIAL, OBLIQUE]))
    pixel = draw(st.sampled_from([0.05, 0.4, 1.0]))
    wider = pixel * (1 + draw(st.sampled_from([0, 0, 0, 0.5e-4, 2e-4])))
    cosines = [first] * (count - 1) + [turned(first, draw(st.sampled_from([0, 0, 0, 2e-4, 2e-3, 0.009, 0.012, 0.1])))]
    order = draw(st.permutations(range(count)))
    return positions.tolist(), cosines, [(pixel, wider if k == 1 else pixel) for k in range(count)], order


@settings(max_examples=60, deadline=None)
@given(stacks())
def test_of_one_stack_all_three_say_the_same(stack):
    positions, cosines, pixel, order = stack
    datasets = series_of(positions, cosines, pixel)
    agreed(said_of([datasets[k] for k in order]))


def moved(along=0.0, beside=0.0, **changes):
    """Six slices, 3 mm apart, of 0.8 mm pixels; the third is off its place."""
    positions = np.zeros((6, 3))
    positions[:, 0] = 3.0 * np.arange(6)
    positions[2] += [along, beside, 0]
    return series_of(positions, [AXIAL] * 6, [(0.8, 0.8)] * 6)


def test_a_stack_with_the_noise_of_a_scanner_is_read_and_not_found_uneven():
    said = said_of(moved(along=0.09))
    assert said.code == "ok"
    agreed(said)


def test_a_slice_that_is_refused_for_lying_beside_the_others_is_found_too():
    said = said_of(moved(beside=0.11))
    assert said.code == "GEO-SHIFT"
    agreed(said)


def test_an_orientation_that_is_refused_is_found_too():
    positions = [(3.0 * k, 0, 0) for k in range(6)]
    said = said_of(series_of(positions, [AXIAL] * 5 + [turned(AXIAL, 0.02)], [(0.8, 0.8)] * 6))
    assert said.code == "GEO-ORIENTATION"
    agreed(said)
