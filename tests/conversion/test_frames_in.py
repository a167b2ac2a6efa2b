"""A file of several frames of PET becomes a dynamic series, with the times that somebody says."""

from __future__ import annotations

import json

import numpy as np
import pytest

import derive
from tests.helpers import conversions as of
from tests.helpers.asserting import raises_code
from tests.helpers.commands import run
from tests.helpers.conversions import PATIENT, PET_FACTS, Placed
from tests.helpers.volumes import rotation

FACTS = {k: v for k, v in PET_FACTS.items() if k not in ("FrameReferenceTime", "SeriesType")}
EDGES = (0, 10, 40, 100)
TIMES = {"FrameTimesStart": [0, 10, 45], "FrameDuration": [10, 30, 60.5]}


def three(folder, name="v.nii.gz"):
    """An oblique file of three frames whose voxels all differ."""
    values = np.stack([of.distinct((5, 6, 7), first=1000 * t) for t in range(3)], axis=-1)
    placed = Placed(values, of.affine_of(rotation(20), (2.0, 2.5, 3.0)))
    return of.save(folder / name, placed), placed


def converted(path, **options):
    return derive.convert(path, modality="PT", units="BQML", patient=PATIENT, set=FACTS, **options)


@pytest.mark.parametrize("said", ["numbers", "a file", "beside"])
def test_frames_become_one_dynamic_series_with_their_times(said, tmp_path):
    path, placed = three(tmp_path)
    options, middles, lengths = {"frame_times": EDGES}, [5000, 25000, 70000], [10000, 30000, 60000]
    if said != "numbers":
        middles, lengths = [5000, 25000, 75250], [10000, 30000, 60500]
        name = tmp_path / ("v.json" if said == "beside" else "other.json")
        name.write_text(json.dumps(TIMES))
        options = {} if said == "beside" else {"frame_times": str(name)}
    report = converted(path, **options).write(tmp_path / "out")
    assert not report.findings
    headers = of.headers(tmp_path / "out")
    assert {tuple(h.SeriesType) for h in headers} == {("DYNAMIC", "IMAGE")}
    assert {(h.NumberOfTimeSlices, h.NumberOfSlices) for h in headers} == {(3, len(headers) // 3)}
    assert sorted(h.ImageIndex for h in headers) == list(range(1, len(headers) + 1))
    series = derive.read(tmp_path / "out")
    assert [(d.keyword, d.values) for d in series.dimensions] == [("FrameReferenceTime", tuple(middles))]
    slices = series.geometry.shape[0]
    assert [int(series.value("ActualFrameDuration", k * slices)) for k in range(3)] == lengths
    for number, volume in enumerate(series.volumes):
        found = Placed(volume.array.transpose(), volume.geometry.affine[:, [2, 1, 0, 3]])
        of.assert_alike(found, Placed(placed.values[..., number], placed.affine), value=report.value_error)


def test_frames_on_the_grid_of_a_reference_have_their_own_times(real, tmp_path):
    reference = derive.read(real("petctmr_ibsi_sts002/PET"))
    values = np.stack([reference.volume.array * (k + 1) for k in range(2)])
    series = derive.convert(values, reference=reference, units="BQML", orientation="reference", frame_times=(0, 10, 40))
    series.write(tmp_path / "out")
    found = derive.read(tmp_path / "out")
    assert found.dimensions[0].values == (5000, 25000)
    assert {str(v) for v in found.values("ActualFrameDuration")} == {"10000", "30000"}


def test_the_command_line_takes_times(tmp_path):
    path, _ = three(tmp_path)
    whose = ["--patient-id", "P", "--patient-name", "A^B", "--modality", "PT", "--units", "BQML"]
    facts = [part for k, v in FACTS.items() for part in ("--set", f"{k}={v}")]
    assert run("convert", path, "-o", tmp_path / "out", *whose, *facts, "--frame-times", *EDGES) == 0
    assert len(derive.read(tmp_path / "out").volumes) == 3
    with raises_code("OPT-FRAMETIMES"):
        run("convert", path, "-o", tmp_path / "new", *whose, *facts, "--frame-times", "ten")


BAD = {
    "too few": ((0, 10, 40), "OPT-FRAMETIMES"),
    "falling": ((0, 10, 5, 40), "OPT-FRAMETIMES"),
    "nobody": (None, "GEO-4D"),
    "no file": ("missing.json", "SRC-MISSING"),
    "of other frames": ({k: v[:2] for k, v in TIMES.items()}, "SRC-BESIDE"),
    "no numbers": (TIMES | {"FrameDuration": ["a", "b", "c"]}, "SRC-DAMAGED"),
    "no length": (TIMES | {"FrameDuration": [1, 0, 1]}, "SRC-DAMAGED"),
    "nothing of frames": ({"EchoTime": 1}, "GEO-4D"),
    "no json": ("{", "SRC-DAMAGED"),
}


@pytest.mark.parametrize("name", BAD)
def test_times_that_do_not_fit_are_refused(name, tmp_path):
    said, code = BAD[name]
    path, _ = three(tmp_path)
    if isinstance(said, dict) or said == "{":
        (tmp_path / "t.json").write_text(json.dumps(said) if isinstance(said, dict) else said)
        said = str(tmp_path / "t.json")
    with raises_code(code):
        _ = converted(path, frame_times=said).frames
