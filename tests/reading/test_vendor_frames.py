"""Multi-frame diffusion as other vendors write it: by macro, by b-matrix only, with dimensions that do not name it."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.multi_frame import frames_items, multi_frame
from tests.helpers.multi_frame_macros import item
from tests.helpers.vendors import DIRECTIONS, b_matrix

B_VALUES = (0, *((1000, d) for d in DIRECTIONS))
MANUFACTURERS = ("CANON_MEC", "UIH", "GE MEDICAL SYSTEMS", "Hyperfine", "Bruker BioSpin MRI GmbH")
MATRIX = tuple(f"DiffusionBValue{axes}" for axes in ("XX", "XY", "XZ", "YY", "YZ", "ZZ"))


def diffusion(manufacturer="UIH", **form):
    dataset = multi_frame("MR", slices=3, along={"DiffusionBValue": B_VALUES}, **form)
    dataset.Manufacturer = manufacturer
    return dataset


def by_matrix(dataset, kind="BMATRIX"):
    """Say by a b-matrix what the direction was."""
    for groups in frames_items(dataset):
        macro = groups.MRDiffusionSequence[0]
        if "DiffusionGradientDirectionSequence" not in macro:
            continue
        (gradient,) = macro.DiffusionGradientDirectionSequence
        values = b_matrix(1000.0, gradient.DiffusionGradientOrientation)
        macro.DiffusionDirectionality = kind
        macro.DiffusionBMatrixSequence = [item(**dict(zip(MATRIX, values, strict=True)))]
        del macro.DiffusionGradientDirectionSequence
    return dataset


def without_indices(dataset):
    """As systems that name no dimension of diffusion."""
    dataset.DimensionIndexSequence = dataset.DimensionIndexSequence[:2]
    for groups in frames_items(dataset):
        content = groups.FrameContentSequence[0]
        content.DimensionIndexValues = list(content.DimensionIndexValues)[:2]
    return dataset


def told(series):
    return {d.keyword: d.values for d in series.dimensions}


@pytest.mark.parametrize("changed", [by_matrix, without_indices, lambda d: without_indices(by_matrix(d))])
@pytest.mark.parametrize("manufacturer", MANUFACTURERS)
def test_frames_of_every_vendor_are_told_apart(manufacturer, changed, tmp_path):
    source = derive.read([changed(diffusion(manufacturer, shuffled=3))])
    derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    for series in (source, derive.read(tmp_path / "out")):
        found = told(series)
        assert found["DiffusionBValue"] == (0, 1000, 1000, 1000)
        ways = {tuple(np.round(d, 5)) for d in found["DiffusionGradientOrientation"] if d is not None}
        assert ways == set(DIRECTIONS)


def test_a_matrix_of_what_has_no_direction_gives_none():
    series = derive.read([by_matrix(diffusion(), "ISOTROPIC")], stack=1)
    assert not any(series.table.column(0x00189089))
