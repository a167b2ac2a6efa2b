"""What inspect tells of a stack: planes, gaps, tilt, times, odd slices."""

from __future__ import annotations

import re

import numpy as np
import pytest

import derive
from derive.errors import DeriveError
from derive.inspection import inspect
from derive.operations import REGISTRY, mip, resample
from tests.helpers.asserting import every
from tests.helpers.inspections import checked, only, saved
from tests.helpers.multi_frame import multi_frame, only_frames
from tests.helpers.sources import AXIAL, OBLIQUE, make_series

#: Classes read, and a series of each that nothing is wrong with.
KINDS = ("CT", "MR", "PT")


# --- what is told of a stack --------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", KINDS)
def test_a_plain_series_is_described(modality):
    inspection = inspect(make_series(modality))
    stack, found = only(inspection), checked(inspection)["stacks"][0]
    assert stack.reads.ok
    assert every(v.ok for v in stack.operations.values())
    assert (stack.number, stack.modality, stack.images, stack.frames, stack.series_number) == (1, modality, 6, 6, "3")
    assert found["grid"]["spacing_xyz_mm"] == [1.0, 1.25, 2.0]
    assert found["grid"]["extent_xyz_mm"] == [14.0, 15.0, 12.0]
    assert (stack.grid.columns, stack.grid.rows, stack.grid.slices) == (14, 12, 6)
    assert stack.grid.orientation == "axial"
    assert (stack.grid.rows_towards, stack.grid.columns_towards) == ("L", "P")
    assert (stack.grid.tilt_degrees, stack.grid.gaps, stack.grid.repeats, stack.grid.odd) == (0.0, (), None, ())
    assert stack.values.units == {"CT": "HU", "MR": "1", "PT": "BQML"}[modality]
    assert stack.values.windows == ((40.0, 400.0),)
    assert (stack.values.slope == (0.5, 1.125)) == (modality == "PT")
    assert [s.compression for s in stack.coding.syntaxes] == ["none"]
    assert stack.coding.lossy is False
    assert (inspection.patients, inspection.studies) == (1, 1)
    assert inspection.problems == ()


@pytest.mark.parametrize(
    ("cosines", "word", "nearest", "letters"),
    [
        (((1.0, 0, 0), (0, 1.0, 0)), "axial", "axial", ("L", "P")),
        (((1.0, 0, 0), (0, 0, -1.0)), "coronal", "coronal", ("L", "F")),
        (((0, 1.0, 0), (0, 0, -1.0)), "sagittal", "sagittal", ("P", "F")),
        (((-1.0, 0, 0), (0, -1.0, 0)), "axial", "axial", ("R", "A")),
        (OBLIQUE, "oblique", "axial", ("LP", "PR")),
    ],
)
def test_planes_have_the_name_and_the_letters_of_the_standard(cosines, word, nearest, letters):
    grid = only(inspect(make_series("CT", cosines=cosines))).grid
    assert (grid.orientation, grid.nearest) == (word, nearest)
    assert (grid.rows_towards, grid.columns_towards) == letters


def test_a_gap_is_named_with_its_files_and_its_size(tmp_path):
    folder = saved(make_series("CT"), tmp_path)
    (folder / "2.dcm").unlink()
    (folder / "3.dcm").unlink()
    stack = only(inspect(folder))
    (gap,) = stack.grid.gaps
    assert (gap.after, gap.before, gap.mm, gap.expected_mm, gap.missing) == ("1.dcm", "4.dcm", 6.0, 2.0, 2)
    assert stack.grid.extent_xyz_mm == (14.0, 15.0, 12.0)
    assert stack.reads.ok
    taken = {name for name, v in stack.operations.items() if v.ok}
    assert taken >= {"apply", "gaussian_blur"}
    assert taken.isdisjoint({"rectify", "resample", "mip", "reformat"})
    assert {v.code for v in stack.operations.values() if not v.ok} == {"GEO-GAP"}
    assert stack.operations["rectify"].fix == "max_gap_mm=MM"
    assert "between 1.dcm and 4.dcm" in str(inspect(folder))


@pytest.mark.parametrize("degrees", [2.0, 10.0, -18.5])
def test_a_gantry_tilt_is_measured(degrees):
    step = 2 * np.tan(np.radians(degrees))
    inspection = inspect(make_series("CT", ImagePositionPatient=lambda k: [0.0, round(step * k, 6), 2.0 * k]))
    stack = only(inspection)
    assert stack.grid.tilt_degrees == pytest.approx(abs(degrees), abs=1e-4)
    assert stack.operations["resample"].code == "GEO-TILT"
    assert stack.operations["rectify"].ok
    assert f"tilt {abs(degrees):.2f} degrees" in str(inspection)


def test_times_and_echoes_are_counted_with_the_attribute_that_tells_them_apart():
    stack = only(
        inspect(
            make_series(
                "MR", ImagePositionPatient=lambda k: [0.0, 0.0, 2.0 * (k % 2)], EchoTime=lambda k: [12, 24, 36][k // 2]
            )
        )
    )
    repeats = stack.grid.repeats
    assert (repeats.positions, repeats.least, repeats.most, repeats.by[0]) == (2, 3, 3, ("EchoTime", 3))
    assert list(map(str, stack.parts)) == ["3 volumes of 2 slices by EchoTime 12, 24, 36 ms"]


@pytest.mark.parametrize(
    ("attribute", "keyword", "value", "code"),
    [
        ("ImageOrientationPatient", "ImageOrientationPatient", [1, 0, 0, 0, 0, -1], "GEO-ORIENTATION"),
        ("PixelSpacing", "PixelSpacing", [0.5, 0.5], "GEO-PIXELS"),
        ("Rows, Columns", "Rows", 6, "VAL-LENGTH"),
        ("ImageType", "ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SRC-LOCALIZER"),
    ],
)
def test_odd_slices_are_named_and_the_others_judged_without_them(attribute, keyword, value, code, tmp_path):
    datasets = make_series("CT", count=5)
    setattr(datasets[4], keyword, value)
    stack = only(inspect(saved(datasets, tmp_path)))
    (odd,) = stack.grid.odd
    assert (odd.attribute, odd.files, odd.apart) == (attribute, ("4.dcm",), True)
    assert stack.reads.code == code
    assert stack.without_odd.ok
    assert stack.grid.slices == 4
    assert "without the odd files: ok" in str(inspect(tmp_path))


def test_another_image_type_is_told_and_leaves_the_stack_as_it_is(tmp_path):
    datasets = make_series("CT")
    datasets[0].ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "ADD"]
    stack = only(inspect(saved(datasets, tmp_path)))
    assert [(o.attribute, o.apart) for o in stack.grid.odd] == [("ImageType", False)]
    assert stack.reads.ok
    assert stack.grid.slices == 6


def test_a_single_slice_can_be_anything_but_resampled(tmp_path):
    inspection = inspect(make_series("CT", count=1))
    stack = only(inspection)
    assert stack.reads.ok
    assert {n for n, v in stack.operations.items() if not v.ok} == {"resample"}
    assert stack.operations["resample"].code == "GEO-SINGLE"
    assert "spacing_mm=(X, Y, Z)" in stack.operations["resample"].fix
    with pytest.raises(DeriveError, match="GEO-SINGLE"):
        derive.build(derive.read(make_series("CT", count=1)), resample(spacing_mm=1.0))


def test_a_missing_attribute_of_type_1_is_told_with_the_flag_that_gives_it():
    datasets = make_series("PT", CountsSource=None)
    stack = only(inspect(datasets))
    assert stack.reads.ok
    verdict = stack.operations["mip"]
    assert verdict.code == "ASM-TYPE1"
    assert verdict.fix.startswith('set={"CountsSource": VALUE}')
    assert stack.operations["export"].ok
    (problem,) = stack.problems
    assert set(problem.operations) == {n for n, k in REGISTRY.items() if k.triable and not k.along}
    (made,) = derive.build(derive.read(datasets), mip(), set={"CountsSource": "EMISSION"}).instances()
    assert made.CountsSource == "EMISSION"


def test_what_is_odd_and_stops_nothing_is_told_as_commands_warn_of_it(tmp_path):
    folder = saved(make_series("CT", count=4, SeriesDescription="HEAD\\NECK"), tmp_path)
    stack = only(inspect(folder))
    (line,) = stack.remarks
    assert stack.reads.ok
    assert line.startswith("warning SRC-ABSENT: SeriesDescription of 4 images")
    assert "SRC-ABSENT: SeriesDescription of 4 images" in str(inspect(folder))
    assert only(inspect(make_series("CT", count=4))).remarks == ()


def test_copies_are_listed_and_neither_counted_nor_decoded(tmp_path, decodes_nothing):
    folder = saved(make_series("CT"), tmp_path / "s")
    saved(make_series("CT"), tmp_path / "s" / "again")
    stack = only(inspect(folder))
    assert (stack.images, len(stack.files), stack.grid.slices) == (6, 12, 6)
    assert stack.copies == tuple(f"again/{k}.dcm" for k in range(6))
    assert stack.reads.ok


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        (
            "siemens_xa60_enh_7t",
            ["7 volumes of 10 slices by DiffusionBValue 0, 1000 s/mm2; DiffusionGradientOrientation (6 directions)"],
        ),
        ("philips_enh_fieldmap_2echo_magphase/dicom", ["2 volumes of 53 slices by EchoTime 2.3, 4.6 ms"] * 2),
        (
            "philips_enh_asl_multidelay/dicom/301_ASL_MultiPhase_real.dcm",
            ["8 volumes of 6 slices by TriggerTime 300 to 2050 ms (8 values)"],
        ),
        ("mr_ge_4d_fmri_15x10", ["10 volumes of 15 slices by TemporalPositionIdentifier 1 to 10 (10 values)"]),
    ],
)
def test_volumes_of_real_series_are_told_in_words(folder, said, real):
    inspection = inspect(real(folder))
    checked(inspection)
    (stack,) = [s for s in inspection.stacks if s.number is not None]
    assert [str(part) for part in stack.parts] == said
    assert every(text in " ".join(str(inspection).split()) for text in said)


def described(dataset):
    inspection = inspect(dataset)
    checked(inspection)
    return only(inspection)


def test_stacks_are_listed_with_the_flag_that_chooses_them():
    form = {"orientations": (AXIAL, ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))), "along": {"EffectiveEchoTime": (10.0, 30.0)}}
    stack = described(multi_frame("MR", **form))
    assert stack.reads.code == "GEO-ORIENTATION"
    assert [(p.number, p.name, p.frames, p.volumes, p.slices, p.choose) for p in stack.parts] == [
        (1, "axial", 12, 2, 6, "stack=1"),
        (2, "sagittal", 12, 2, 6, "stack=2"),
    ]


def test_a_stack_that_is_refused_is_listed_with_the_reason():
    whole = multi_frame("MR", orientations=(AXIAL, ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))))
    stack = described(only_frames(whole, [0, 1, 2, 3, 5, *range(6, 12)]))
    assert [(p.reads.code, p.volumes, p.frames) for p in stack.parts] == [("ok", 1, 5), ("ok", 1, 6)]
    assert "1 volume of 5 slices; GEO-GAP: slices are missing" in str(stack.parts[0])


def test_what_works_with_slices_that_lean_is_said():
    inspection = inspect(make_series("CT", ImagePositionPatient=lambda k: [0.0, 0.7 * k, 2.0 * k]))
    found = only(inspection).operations
    assert (found["gaussian_blur"].code, found["gaussian_blur"].flags) == ("ok", "in_planes=True")
    assert (found["apply"].code, found["apply"].flags) == ("ok", "halo_slices=0")
    assert found["resample"].fix == "derive.operations.rectify() as the first step"
    assert re.search(r"with in_planes=True: [a-z,\s-]*gaussian-blur", str(inspection))


def test_what_works_across_a_gap_is_said():
    places = {"ImagePositionPatient": lambda k: [0.0, 0.0, 2.0 * k + 2 * (k > 2)]}
    found = only(inspect(make_series("CT", **places))).operations
    assert found["mip"].code == "GEO-GAP"
    assert found["mip"].fix == "derive.operations.rectify() as the first step max_gap_mm=4"
    assert found["export"].fix.startswith("no flag: rectify")


def test_of_several_dimensions_one_is_tried_and_said():
    places = {"ImagePositionPatient": lambda k: [0.0, 0.0, 2.0 * (k % 2)]}
    times = {"EchoTime": lambda k: (12, 24)[k // 4], "TriggerTime": lambda k: (0, 300)[k // 2 % 2]}
    found = only(inspect(make_series("MR", 8, **places, **times))).operations
    assert (found["mean_over"].code, found["mean_over"].flags) == ("ok", 'along="TriggerTime"')
