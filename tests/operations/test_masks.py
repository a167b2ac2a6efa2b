"""Digital subtraction angiography: values by numpy and scipy, masks with their purpose, and what is refused."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.tag import Tag
from scipy import ndimage

import derive
from derive.cli.main import main
from derive.errors import GeometryError, UsageError
from derive.operations import gaussian_blur, subtract
from tests.helpers.asserting import raises_code
from tests.helpers.cines import frames_of, make_cine, masked_by, stored_of
from tests.helpers.sources import make_series

SOURCE, MASK = "121322", "121321"


def written(series, folder):
    series.write(folder)
    assert derive.check(folder).ok()
    (path,) = folder.glob("*.dcm")
    return derive.read(folder), pydicom.dcmread(path)


def named(image, purpose):
    """Numbers of the frames that are referred to for a purpose."""
    items = [i for i in image.SourceImageSequence if i.PurposeOfReferenceCodeSequence[0].CodeValue == purpose]
    return [int(i.ReferencedFrameNumber) for i in items]


def step_of(image):
    return float(image.RealWorldValueMappingSequence[0].RealWorldValueSlope)


@pytest.mark.parametrize("modality", ["XA", "RF"])
@pytest.mark.parametrize(
    ("masks", "places"), [("1", [0]), ("2,4-5", [1, 3, 4]), ("8", [7])], ids=["first", "mean", "last"]
)
def test_a_mask_made_by_hand_is_arithmetic(modality, masks, places, tmp_path):
    stored = stored_of()
    source = derive.read([make_cine(modality, stored)])
    series = derive.build(source, subtract(mask_frames=masks))
    back, image = written(series, tmp_path / "out")
    wanted = stored - stored[places].mean(axis=0)
    np.testing.assert_allclose(frames_of(back), wanted, atol=step_of(image) / 2 + 1e-5)
    assert named(image, SOURCE) == list(range(1, 9))
    assert named(image, MASK) == [p + 1 for p in places]
    assert image.DerivationCodeSequence[0].CodeMeaning == "Pixel by pixel subtraction"
    assert derive.verify(tmp_path / "out", sources=[make_cine(modality, stored)]).same


def test_a_difference_of_two_frames_is_stored_exactly_and_unsigned(tmp_path):
    stored = stored_of()
    back, image = written(
        derive.build(derive.read([make_cine(frames=stored)]), subtract(mask_frames="1")), tmp_path / "out"
    )
    wanted = stored.astype(int) - stored[0]
    np.testing.assert_array_equal(frames_of(back), wanted)
    zero = int(-image.RealWorldValueMappingSequence[0].RealWorldValueIntercept)
    assert (image.PixelRepresentation, image.BitsAllocated, step_of(image)) == (0, 16, 1)
    assert zero & (zero - 1) == 0  # a power of two
    np.testing.assert_array_equal(image.pixel_array, wanted + zero)
    low, high = image.WindowCenter - image.WindowWidth / 2, image.WindowCenter + image.WindowWidth / 2
    assert (low + 0.0, high - 1) == (image.pixel_array.min() - 0.0, image.pixel_array.max() + 0.0)


def test_the_result_is_no_longer_to_be_subtracted(tmp_path):
    changes = masked_by(MaskOperation="AVG_SUB", MaskFrameNumbers=[1])
    _, image = written(derive.build(derive.read([make_cine(**changes)]), subtract(mask_module=True)), tmp_path / "out")
    assert "MaskSubtractionSequence" not in image
    assert "RecommendedViewingMode" not in image
    assert image.PixelIntensityRelationship == "DISP"
    assert list(image.ImageType) == ["DERIVED", "SECONDARY", "SINGLE PLANE", "", "SUBTRACTION"]
    assert (image.NumberOfFrames, image.FrameTime, image.CineRate) == (8, 40, 25)
    assert image.FrameIncrementPointer == Tag(0x0018, 0x1063)


@pytest.mark.parametrize(
    ("said", "pairs"),
    [
        ({"MaskOperation": "AVG_SUB", "MaskFrameNumbers": [1, 2]}, [([k], [0, 1]) for k in range(8)]),
        (
            {"MaskOperation": "AVG_SUB", "MaskFrameNumbers": 3, "ApplicableFrameRange": [4, 5, 7, 8]},
            [([k], [2]) for k in (3, 4, 6, 7)],
        ),
        (
            {"MaskOperation": "AVG_SUB", "MaskFrameNumbers": 1, "ContrastFrameAveraging": 3},
            [([k, k + 1, k + 2], [0]) for k in range(6)],
        ),
        ({"MaskOperation": "TID", "TIDOffset": 2}, [([k], [k - 2]) for k in range(2, 8)]),
        ({"MaskOperation": "TID", "TIDOffset": -3}, [([k], [k + 3]) for k in range(5)]),
        ({"MaskOperation": "TID", "TIDOffset": None}, [([k], [k - 1]) for k in range(1, 8)]),
        ({"MaskOperation": "TID", "TIDOffset": 1, "ApplicableFrameRange": [6, 7]}, [([5], [4]), ([6], [5])]),
        (
            {"MaskOperation": "REV_TID", "TIDOffset": 1, "ApplicableFrameRange": [5, 8]},
            [([4], [3]), ([5], [2]), ([6], [1]), ([7], [0])],
        ),
    ],
    ids=["average", "ranges", "averaged", "interval", "backwards", "default", "range", "reversed"],
)
def test_the_mask_module_is_done_as_it_says(said, pairs, tmp_path):
    stored = stored_of().astype(float)
    source = derive.read([make_cine(frames=stored.astype("<u1"), **masked_by(**said))])
    back, image = written(derive.build(source, subtract(mask_module=True)), tmp_path / "out")
    wanted = np.array([stored[contrast].mean(axis=0) - stored[mask].mean(axis=0) for contrast, mask in pairs])
    np.testing.assert_allclose(frames_of(back), wanted, atol=step_of(image) / 2 + 1e-4)
    assert named(image, MASK) == sorted({k + 1 for _, mask in pairs for k in mask})
    assert named(image, SOURCE) == sorted({k + 1 for contrast, _ in pairs for k in contrast})
    begins = [contrast[0] for contrast, _ in pairs]
    if len(set(np.diff(begins))) == 1:
        assert image.FrameTime == 40
    else:
        assert list(image.FrameTimeVector) == [0, *(40 * np.diff(begins))]
        assert image.FrameIncrementPointer == Tag(0x0018, 0x1065)


def test_the_example_of_the_standard_for_reversed_intervals():
    """PS3.3 C.7.6.10.1.1: frames 20 to 30, offset 5: the masks are 15 down to 5."""
    stored = stored_of(32)
    said = {"MaskOperation": "REV_TID", "TIDOffset": 5, "ApplicableFrameRange": [20, 30]}
    series = derive.build(derive.read([make_cine(frames=stored, **masked_by(**said))]), subtract(mask_module=True))
    wanted = stored[19:30].astype(int) - stored[14:3:-1]
    np.testing.assert_array_equal(frames_of(series), wanted)


@pytest.mark.parametrize("shift", [(0.5, 0.25), (-1.25, 2.0), (2.0, -3.0)], ids=["parts", "mixed", "whole"])
def test_a_shift_is_that_of_scipy_down_and_to_the_left(shift, tmp_path):
    """PS3.3 C.7.6.10.1.2: a positive row offset goes down, a positive column offset to the left."""
    stored = stored_of()
    said = {"MaskOperation": "AVG_SUB", "MaskFrameNumbers": [1], "MaskSubPixelShift": list(shift)}
    source = [make_cine(frames=stored, **masked_by(**said))]
    back, image = written(derive.build(derive.read(source), subtract(mask_module=True)), tmp_path / "out")
    mask = ndimage.shift(stored[0].astype(float), (shift[0], -shift[1]), order=1, mode="constant", cval=np.nan)
    np.testing.assert_allclose(frames_of(back), stored - mask, atol=step_of(image) / 2 + 1e-4)
    assert np.isnan(mask).any()
    masks = [i for i in image.SourceImageSequence if i.PurposeOfReferenceCodeSequence[0].CodeValue == MASK]
    assert [i.SpatialLocationsPreserved for i in masks] == ["NO"]
    assert derive.verify(tmp_path / "out", sources=source).same


def test_a_bright_pixel_of_the_mask_moves_down_and_to_the_left():
    stored = np.full((2, 12, 14), 50, "<u1")
    stored[0, 5, 6] = 90
    said = {"MaskOperation": "AVG_SUB", "MaskFrameNumbers": [1], "MaskSubPixelShift": [2, 3]}
    series = derive.build(derive.read([make_cine(frames=stored, **masked_by(**said))]), subtract(mask_module=True))
    assert np.argwhere(frames_of(series)[1] == -40).tolist() == [[7, 3]]


def test_logarithms_are_subtracted_on_request(tmp_path):
    stored = stored_of()
    stored[3, 2, 2] = 0
    back, image = written(
        derive.build(derive.read([make_cine(frames=stored)]), subtract(mask_frames="1-2", log=True)), tmp_path / "out"
    )
    wanted = np.log(np.maximum(stored, 1.0)) - np.log(stored[:2].mean(axis=0))
    np.testing.assert_allclose(frames_of(back), wanted, atol=step_of(image) / 2 + 1e-5)
    assert "log=True" in image.DerivationDescription
    with raises_code("OP-LOG", UsageError):
        derive.build(derive.read([make_cine(PixelIntensityRelationship="LOG")]), subtract(mask_frames="1", log=True))


def test_it_stands_in_a_chain(tmp_path):
    stored = stored_of()
    series = derive.build(
        derive.read([make_cine(frames=stored)]), subtract(mask_frames="1"), gaussian_blur(sigma_mm=0.3)
    )
    back, image = written(series, tmp_path / "out")
    whole = derive.build(
        derive.read([make_cine(frames=stored)]), gaussian_blur(sigma_mm=0.3), subtract(mask_frames="1")
    )
    np.testing.assert_allclose(frames_of(back), frames_of(whole), atol=step_of(image) / 2 + 1e-4)
    assert named(image, MASK) == [1]


@pytest.mark.parametrize(
    ("given", "changes"),
    [
        ({"mask_frames": "9"}, {}),
        ({"mask_frames": "0"}, {}),
        ({"mask_frames": "a"}, {}),
        ({"mask_frames": "3-2"}, {}),
        ({"mask_frames": "1", "mask_module": True}, {}),
        ({"mask_module": True}, {}),
        ({"mask_module": True}, masked_by(MaskOperation="NONE")),
        ({"mask_module": True}, masked_by(MaskOperation="AVG_SUB")),
        ({"mask_module": True}, masked_by(MaskOperation="AVG_SUB", MaskFrameNumbers=[12])),
        ({"mask_module": True}, masked_by(MaskOperation="REV_TID", TIDOffset=1)),
        ({"mask_module": True}, masked_by(MaskOperation="TID", TIDOffset=3, ApplicableFrameRange=[2, 5])),
        ({"mask_module": True}, masked_by(MaskOperation="OTHER", ApplicableFrameRange=[2, 5])),
    ],
    ids=["beyond", "zero", "word", "falls", "both", "absent", "none", "unnamed", "lost", "rangeless", "early", "other"],
)
def test_masks_that_are_none_are_refused_by_name(given, changes):
    with raises_code("OP-MASK", UsageError):
        derive.build(derive.read([make_cine(**changes)]), subtract(**given))


def test_what_else_is_no_subtraction_of_frames_is_refused():
    cine, other = derive.read([make_cine()]), derive.read([make_cine(number=2)])
    with raises_code("OP-SERIES", UsageError):
        derive.build(cine, subtract())
    with raises_code("OP-MASK", UsageError):
        derive.build(derive.read([make_cine(), make_cine(number=2)]), subtract(mask_frames="1"))
    with raises_code("OP-MASK", UsageError):
        derive.build(derive.demo_series(), subtract(mask_frames="1"))
    with raises_code("GEO-FOR", GeometryError):
        derive.build(cine, subtract(other))
    ct = derive.read(make_series())
    for wrong in ({"mask_frames": "1"}, {"mask_module": True}, {"log": True}):
        with raises_code("OP-LOG" if "log" in wrong else "OP-MASK", UsageError):
            derive.build(ct, subtract(ct, **wrong))


def test_the_command_takes_one_source(tmp_path, capsys):
    make_cine().save_as(tmp_path / "xa.dcm", enforce_file_format=True)
    assert main(["subtract", str(tmp_path / "xa.dcm"), "-o", str(tmp_path / "out"), "--mask-frames", "1,2-3"]) == 0
    assert main(["verify", str(tmp_path / "out"), "--sources", str(tmp_path / "xa.dcm")]) == 0
    assert main(["subtract", str(tmp_path / "xa.dcm"), "-o", str(tmp_path / "two"), "--mask-module"]) == 2
    assert "--mask-frames" in capsys.readouterr().err


def test_the_real_one_by_numpy(real, tmp_path):
    path = real("xa_rubo_96f") / "jpeg8bit.dcm"
    stored = pydicom.dcmread(path).pixel_array.astype(np.float64)
    back, image = written(derive.build(path, subtract(mask_frames="1-3")), tmp_path / "out")
    np.testing.assert_allclose(frames_of(back), stored - stored[:3].mean(axis=0), atol=step_of(image) / 2 + 1e-4)
    assert named(image, MASK) == [1, 2, 3]
