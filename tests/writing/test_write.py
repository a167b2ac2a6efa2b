"""All or nothing: what is on the disk after it went well, and after it did not."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest

import derive
from derive.authoring.entities import BUILDERS, Builder
from derive.elements.encoding import encode
from derive.model.uids import RandomUids, ReproducibleUids, checked_root
from derive.operations import apply, gaussian_blur, resample
from derive.writing import filing
from derive.writing import part10 as write
from derive.writing.places import Places
from tests.helpers.asserting import every, raises_code
from tests.helpers.sources import make_series

BLUR = gaussian_blur(sigma_mm=1.0)
NOON = datetime(2026, 5, 6, 12, 0, 0)


@pytest.fixture
def source():
    return derive.read(make_series("CT"))


def digests(folder: Path) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.iterdir())}


def only(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_files_are_numbered_in_space_and_explicit_little_endian(source, tmp_path):
    report = derive.build(source, BLUR).write(tmp_path / "o")
    assert only(tmp_path / "o") == [f"IM{k:05d}.dcm" for k in range(1, 7)]
    assert only(tmp_path) == ["o"]
    places = [pydicom.dcmread(f) for f in report.files]
    assert [d.ImagePositionPatient[2] for d in places] == sorted(d.ImagePositionPatient[2] for d in places)
    assert {d.file_meta.TransferSyntaxUID for d in places} == {pydicom.uid.ExplicitVRLittleEndian}


def test_a_folder_that_is_not_empty_is_refused_and_one_of_ours_is_replaced_as_a_whole(source, tmp_path):
    target = tmp_path / "o"
    target.mkdir()
    (target / "mine.txt").write_text("keep me")
    with pytest.raises(derive.OutputError, match=r"OUT-EXISTS.*overwrite=True"):
        derive.build(source, BLUR).write(target)
    with pytest.raises(derive.OutputError, match=r"OUT-FOREIGN.*1 thing .*mine.txt"):
        derive.build(source, BLUR).write(target, overwrite=True)
    assert only(target) == ["mine.txt"]
    (target / "mine.txt").unlink()
    derive.build(source, BLUR).write(target)
    first = digests(target)
    derive.build(source, BLUR).write(target, overwrite=True)
    assert digests(target).keys() == first.keys()
    assert digests(target) != first
    assert only(tmp_path) == ["o"]


def test_a_file_or_the_folder_of_the_source_is_no_target(tmp_path):
    folder = tmp_path / "deep" / "ct"
    folder.mkdir(parents=True)
    for k, dataset in enumerate(make_series("CT")):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    before = digests(folder)
    series = derive.build(derive.read(folder), BLUR)
    for target in (folder, folder.parent):
        with pytest.raises(derive.OutputError, match="OUT-SOURCE"):
            series.write(target, overwrite=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(derive.OutputError, match="OUT-EXISTS"):
        series.write(tmp_path / "file", overwrite=True)
    assert digests(folder) == before


def failing(values: np.ndarray) -> np.ndarray:
    raise RuntimeError


def test_a_crash_leaves_nothing_and_what_was_there(source, tmp_path):
    series = derive.build(source, BLUR)
    series.write(tmp_path / "o")
    before = digests(tmp_path / "o")

    def interrupted(done, count):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        series.write(tmp_path / "o", overwrite=True, progress=interrupted)
    with raises_code("OP-FUNCTION"):
        derive.build(source, failing, code="Smoothing").write(tmp_path / "o", overwrite=True)
    assert digests(tmp_path / "o") == before
    with pytest.raises(KeyboardInterrupt):
        series.write(tmp_path / "new" / "deep" / "series", progress=interrupted)
    assert only(tmp_path) == ["o"]


def test_a_full_disk_leaves_nothing(source, tmp_path, monkeypatch):
    def full(path, content):
        raise derive.OutputError("OUT-WRITE", f"{path.name} cannot be written: No space left on device")

    monkeypatch.setattr(filing, "write_instance", full)
    with pytest.raises(derive.OutputError, match="No space left"):
        derive.build(source, BLUR).write(tmp_path / "o")
    assert only(tmp_path) == []


def test_room_is_asked_for_before_anything_is_written(source, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("usage", (), {"free": 1000})())
    with pytest.raises(derive.OutputError, match="OUT-SPACE"):
        derive.build(source, BLUR).write(tmp_path / "o")
    assert only(tmp_path) == []


def test_what_the_disk_changed_is_noticed(source, tmp_path, monkeypatch):
    class Flipping(io.FileIO):
        def read(self, size=-1):
            data = bytearray(super().read(size))
            data[-1:] = bytes(b ^ 1 for b in data[-1:])
            return bytes(data)

    monkeypatch.setattr(write, "open", lambda path, mode, buffering: Flipping(path, mode), raising=False)
    with pytest.raises(derive.OutputError, match="OUT-REREAD"):
        derive.build(source, BLUR).write(tmp_path / "o")
    assert only(tmp_path) == []


def test_what_the_disk_took_in_part_only_is_noticed(source, tmp_path, monkeypatch):
    class Short(io.FileIO):
        def write(self, data):
            return super().write(data[: len(data) // 2])

    monkeypatch.setattr(write, "open", lambda path, mode, buffering: Short(path, mode), raising=False)
    with pytest.raises(derive.OutputError, match="only a part"):
        derive.build(source, BLUR).write(tmp_path / "o")
    assert only(tmp_path) == []


def test_a_position_that_is_off_is_noticed(source):
    series = derive.build(source, BLUR)
    places = Places(series.frames)
    made = list(series.made())
    for each in made:
        places.check(each, "x.dcm")
    assert places.worst_mm < 1e-6
    x, y, z = source.geometry.position(2)
    off = made[2].elements | {e.tag: e for e in [encode("ImagePositionPatient", [x + 0.01, y, z])]}
    with pytest.raises(derive.OutputError, match=r"lies 0\.01"):
        places.check(made[2]._replace(elements=off), "x.dcm")
    wide = made[2].elements | {e.tag: e for e in [encode("PixelSpacing", [5.1, 5.0])]}
    with pytest.raises(derive.OutputError, match="mm off"):
        places.check(made[2]._replace(elements=wide), "x.dcm")


def test_errors_of_the_check_are_not_written(source, tmp_path, monkeypatch):
    monkeypatch.setitem(BUILDERS, ("*", "HighBit"), Builder("*", "HighBit", lambda authoring: 11, "series"))
    series = derive.build(source, BLUR)
    with pytest.raises(derive.InvalidInstance) as caught:
        series.write(tmp_path / "o")
    assert {f.code for f in caught.value.findings if f.severity == "error"} == {"CHK-HIGHBIT"}
    assert only(tmp_path) == []


def test_random_uids_are_new_every_time_and_reproducible_ones_only_when_something_differs(source, tmp_path):
    def uids(*steps, **options):
        report = derive.build(source, *(steps or (BLUR,)), **options).write(tmp_path / "o", overwrite=True)
        return report.series_instance_uid, tuple(i.sop_instance_uid for i in report.instances)

    assert uids() != uids()
    same = {"uids": "reproducible"}
    one = uids(**same)
    assert uids(**same) == one
    assert len({*one[1], one[0]}) == 7
    others = [
        uids(gaussian_blur(sigma_mm=1.1), **same),
        uids(series_number=9, **same),
        uids(set={"ProtocolName": "x"}, **same),
        uids(uid_prefix="1.2.3", **same),
    ]
    assert every(other[0] != one[0] and not set(other[1]) & set(one[1]) for other in others)
    changed = make_series("CT")
    changed[0].PixelData = bytes(len(changed[0].PixelData))
    report = derive.build(derive.read(changed), BLUR, **same).write(tmp_path / "c")
    assert report.series_instance_uid != one[0]


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_two_runs_with_a_timestamp_are_byte_identical(modality, tmp_path):
    for name in ("a", "b"):
        source = derive.read(make_series(modality))
        steps = resample(spacing_mm=1.5, interpolator="lanczos"), BLUR
        derive.build(source, *steps, uids="reproducible", timestamp=NOON).write(tmp_path / name)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


REAL = ["ct_philips_ingenuity_140", "mr_ge_axial_20", "petctmr_ibsi_sts002/PET/image"]


@pytest.mark.parametrize("name", ["CT", "MR", "PT", *REAL])
def test_files_are_byte_for_byte_what_pydicom_writes_for_the_instances(name, cropped, tmp_path):
    source = derive.read(cropped(name) if name in REAL else make_series(name))
    series = derive.build(source, BLUR, resample(spacing_mm=3.0), timestamp=NOON, uids="reproducible")
    report = series.write(tmp_path / "o")
    files = {i.sop_instance_uid: tmp_path / "o" / i.file for i in report.instances}
    for dataset in series.instances():
        dataset.save_as(tmp_path / "pydicom.dcm", enforce_file_format=True)
        assert files.pop(dataset.SOPInstanceUID).read_bytes() == (tmp_path / "pydicom.dcm").read_bytes()
    assert files == {}


def test_an_organisations_root_is_used_and_checked(source, tmp_path):
    report = derive.build(source, BLUR, uid_prefix="1.2.826.0.1").write(tmp_path / "o")
    assert every(i.sop_instance_uid.startswith("1.2.826.0.1.") for i in report.instances)
    for bad in ("1.02", "abc", "1", "1." + "9" * 40, "1..2"):
        with pytest.raises(derive.UsageError, match="UID-PREFIX"):
            derive.build(source, BLUR, uid_prefix=bad)
    for uids in (RandomUids(checked_root("1.2.3")), ReproducibleUids(("x",), checked_root("1.2.3"))):
        pixels = np.zeros((2, 2), np.int16)
        made = [uids.series(), uids.frame_of_reference(), uids.instance(0, pixels), uids.instance(1, pixels)]
        assert len(set(made)) == 4
        assert every(pydicom.uid.UID(u).is_valid for u in made)


def test_the_report_says_how_exact_and_of_what(source, tmp_path):
    report = derive.build(source, BLUR).write(tmp_path / "o")
    assert 0 < report.value_error <= 0.5
    assert report.geometry_error_mm < 1e-4
    assert str(report).endswith("check clean")
    value = json.loads(json.dumps(report.to_json()))
    assert value["steps"][0]["parameters"] == {"sigma_mm": 1.0, "sigma_px": None, "in_planes": False}
    assert len(value["instances"]) == len(value["source"]["instances"]) == 6
    assert "Doe" not in json.dumps(value)


def test_values_out_of_reach_are_reported_as_clipped(source, tmp_path):
    step = apply(function=huge, code="Smoothing", units="1")
    report = derive.build(source, step).write(tmp_path / "o")
    assert report.saturated == 0
    first = pydicom.dcmread(report.files[0])
    found = first.pixel_array * float(first.RescaleSlope) + float(first.RescaleIntercept)
    wanted = derive.stack(source).array[0] * 1e6
    assert np.abs(found - wanted).max() <= report.value_error * 1.001


def huge(values: np.ndarray) -> np.ndarray:
    return values * np.float32(1e6)


def test_steps_and_options_that_cannot_be_used_are_refused(source):
    for code, steps, options in (
        ("OP-NONE", (), {}),
        ("OP-CODE", (huge,), {}),
        ("OP-CODE", (BLUR,), {"code": "Smoothing"}),
        ("OPT-UNKNOWN", (BLUR,), {"colour": "red"}),
        ("UID-KIND", (BLUR,), {"uids": "same"}),
        ("SET-LENGTH", (BLUR,), {"series_description": "x" * 65}),
        ("SET-NUMBER", (BLUR,), {"series_number": 2**40}),
        ("OP-CODE", (huge,), {"code": "NoSuchCode"}),
    ):
        with raises_code(code):
            derive.build(source, *steps, **options)
