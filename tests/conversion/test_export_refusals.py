"""What cannot be exported is refused by its code, and nothing is left of a file that is not right."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

import derive
from derive.conversion.export import export
from derive.formats import writers
from tests.helpers.asserting import raises_code
from tests.helpers.exports import SUFFIXES, readers
from tests.helpers.source_files import save
from tests.helpers.sources import make_series

PAIRS = {".mhd": ".raw", ".npy": ".json"}


def written(folder, datasets):
    folder.mkdir(parents=True)
    for index, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{index:03d}.dcm", enforce_file_format=True)
    return folder


# Refusals


def left(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


@pytest.mark.parametrize("name", ["a.dcm", "a", "a.nii.bz2", "nii", ".nii", ".nii.gz", "a.json", "a.raw", "nrrd."])
def test_another_suffix_is_refused_and_those_there_are_are_listed(name, tmp_path):
    with pytest.raises(derive.UsageError, match=r"EXP-FORMAT.*\.nii, \.nii\.gz, \.nrrd, \.mha, \.mhd, \.npy"):
        export(derive.read(make_series()), tmp_path / "new" / name)
    assert left(tmp_path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_exists_stays_unless_it_may_be_overwritten(suffix, tmp_path):
    series = derive.read(make_series())
    for there in filter(None, [suffix, PAIRS.get(suffix)]):
        folder = tmp_path / there[1:]
        folder.mkdir()
        (folder / f"a{there}").write_text("mine")
        with pytest.raises(derive.OutputError, match=rf"OUT-EXISTS: a{there} exists.*overwrite"):
            export(series, folder / f"a{suffix}")
        assert (folder / f"a{there}").read_text() == "mine"
        assert left(folder) == [f"a{there}"]
        if there != suffix:
            with raises_code("OUT-FOREIGN"):  # what nobody named
                export(series, folder / f"a{suffix}", overwrite=True)
            assert (folder / f"a{there}").read_text() == "mine"
            (folder / f"a{there}").unlink()
        export(series, folder / f"a{suffix}", overwrite=True)
        export(series, folder / f"a{suffix}", overwrite=True)
        values, _ = readers(folder / f"a{suffix}")[0](folder / f"a{suffix}")
        assert np.array_equal(values, derive.stack(series).array)
        assert left(folder) == sorted(filter(None, [f"a{suffix}", f"a{PAIRS[suffix]}" if suffix in PAIRS else ""]))


def test_a_folder_is_not_overwritten(tmp_path):
    (tmp_path / "a.nii").mkdir()
    with pytest.raises(derive.OutputError, match="OUT-EXISTS"):
        export(derive.read(make_series()), tmp_path / "a.nii", overwrite=True)
    assert left(tmp_path) == ["a.nii"]


@pytest.mark.parametrize(("source", "target"), [("a.nii", "a.nii"), ("a.raw", "a.mhd"), ("a.json", "a.npy")])
def test_a_file_of_the_source_is_never_written(source, target, tmp_path):
    folder = written(tmp_path / "s", make_series(count=3))
    os.rename(folder / "001.dcm", folder / source)
    series = derive.read(folder)
    before = (folder / source).read_bytes()
    for link in ("none", "soft", "hard"):
        place = folder if link == "none" else tmp_path / link
        place.mkdir(exist_ok=True)
        if link == "soft":
            (place / source).symlink_to(folder / source)
        elif link == "hard":
            (place / source).hardlink_to(folder / source)
        with pytest.raises(derive.OutputError, match=rf"OUT-SOURCE: {source}"):
            export(series, place / target, overwrite=True)
        assert (folder / source).read_bytes() == before
    assert len(derive.read(folder).frames) == 3


def test_a_new_file_beside_the_source_is_allowed(tmp_path):
    folder = written(tmp_path / "s", make_series(count=3))
    export(derive.read(folder), folder / "a.nii")
    assert len(derive.read(folder).frames) == 3


def test_a_target_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(derive.OutputError, match=r"OUT-WRITE: a\.nii cannot be written"):
        export(derive.read(make_series()), tmp_path / "file" / "a.nii")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(derive.OutputError, match="OUT-WRITE"):
        export(derive.read(make_series()), tmp_path / "circle" / "a.nii")
    assert left(tmp_path) == ["circle", "file"]


def spoil(monkeypatch, suffix, **methods):
    """Replace what a format does; the functions get what the format would have done."""
    (form,) = [f for f in writers.FORMATS if f.suffixes[0] == suffix]
    spoilt = replace(form, **{name: make(getattr(form, name)) for name, make in methods.items()})
    monkeypatch.setattr(writers, "FORMATS", (spoilt,))


def full_disk(write):
    def fail(path, content):
        write(path, content)
        raise OSError(28, "No space left on device")

    return fail


def itk_error(write):
    def fail(path, content):
        raise RuntimeError("Exception thrown in SimpleITK WriteImage:\n/long/path:12:\nitk::ERROR: cannot write")

    return fail


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("failure", [full_disk, itk_error])
def test_nothing_is_left_of_a_write_that_fails(failure, suffix, monkeypatch, tmp_path):
    series = derive.read(make_series())
    (tmp_path / f"old{suffix}").write_text("mine")
    spoil(monkeypatch, suffix, write=failure)
    with pytest.raises(derive.OutputError, match=r"OUT-WRITE: .*(No space left on device|cannot write)$"):
        export(series, tmp_path / "x" / "y" / f"a{suffix}")
    with pytest.raises(derive.OutputError, match="OUT-WRITE"):
        export(series, tmp_path / f"old{suffix}", overwrite=True)
    assert left(tmp_path) == [f"old{suffix}"]
    assert (tmp_path / f"old{suffix}").read_text() == "mine"


def changed(path, suffix, position, byte):
    """Change one byte of the values of a file."""
    file = path.with_suffix(".raw") if suffix == ".mhd" else path
    data = bytearray(file.read_bytes())
    data[position] ^= byte
    file.write_bytes(data)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_values_that_are_read_back_differently_are_an_error(suffix, monkeypatch, tmp_path):
    def other(write):
        def late(path, content):
            write(path, content)
            changed(path, suffix, -3 if suffix in (".nii", ".mha", ".mhd", ".npy") else -500, 1)

        return late

    spoil(monkeypatch, suffix, write=other)
    with pytest.raises(derive.OutputError, match="OUT-REREAD"):
        export(derive.read(make_series(count=11)), tmp_path / f"a{suffix}")
    assert left(tmp_path) == []


def test_the_slices_that_differ_are_named(monkeypatch, tmp_path):
    def other(write):
        return lambda path, content: (write(path, content), changed(path, ".mha", -3, 1))

    spoil(monkeypatch, ".mha", write=other)
    with pytest.raises(derive.OutputError, match=r"a\.mha .*other values in slices 8 to 10\."):
        export(derive.read(make_series(count=11)), tmp_path / "a.mha")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("axis", range(3))
def test_a_place_that_is_read_back_differently_is_an_error(axis, suffix, monkeypatch, tmp_path):
    def moved_by(mm):
        def moved(read):
            def elsewhere(path):
                found = read(path)
                affine = found.affine.copy()
                affine[axis, 3] += mm
                return replace(found, affine=affine)

            return elsewhere

        return moved

    series = derive.read(make_series())
    spoil(monkeypatch, suffix, read=moved_by(0.002))
    with pytest.raises(derive.OutputError, match=r"OUT-REREAD: .*0\.002 mm off, wanted at most 0\.001 mm"):
        export(series, tmp_path / f"a{suffix}")
    assert left(tmp_path) == []
    monkeypatch.undo()
    spoil(monkeypatch, suffix, read=moved_by(0.0005))
    assert export(series, tmp_path / f"a{suffix}").geometry_error_mm == pytest.approx(0.0005, abs=1e-4)


@pytest.mark.parametrize("change", [{"dtype": np.dtype("f8")}, {"shape": (12, 6, 14)}])
def test_another_type_or_shape_read_back_is_an_error(change, monkeypatch, tmp_path):
    spoil(monkeypatch, ".npy", read=lambda read: lambda path: replace(read(path), **change))
    with pytest.raises(derive.OutputError, match=r"OUT-REREAD.*wanted int16 of"):
        export(derive.read(make_series()), tmp_path / "a.npy")


@pytest.mark.parametrize("suffix", PAIRS)
@pytest.mark.parametrize("there", [True, False])
def test_of_two_files_none_is_replaced_if_one_cannot_be(there, suffix, monkeypatch, tmp_path):
    series = derive.read(make_series())
    names = [f"a{suffix}", f"a{PAIRS[suffix]}"]
    if there:
        export(derive.read(make_series(count=3)), tmp_path / f"a{suffix}")
    before = {name: (tmp_path / name).read_bytes() for name in (names if there else [])}
    really = os.replace

    def refused(source, target):
        if Path(target) == tmp_path / f"a{suffix}" and not Path(source).name.startswith("old"):
            raise PermissionError(13, "Permission denied")
        really(source, target)

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(derive.OutputError, match=r"OUT-WRITE.*Permission denied"):
        export(series, tmp_path / f"a{suffix}", overwrite=True)
    assert left(tmp_path) == (sorted(names) if there else [])
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_a_package_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(derive.UsageError, match=r"EXP-PACKAGE.*pip install nibabel"):
        export(derive.read(make_series()), tmp_path / "x" / "a.nii")
    assert left(tmp_path) == []


def test_pixels_that_cannot_be_decoded_are_not_called_an_output_error(tmp_path):
    folder = written(tmp_path / "s", make_series(count=3))
    series = derive.read(folder)
    dataset: Dataset = pydicom.dcmread(folder / "001.dcm")
    dataset.PixelData = dataset.PixelData[:20]
    save(dataset, folder / "001.dcm")
    with raises_code("SRC-CHANGED"):
        export(series, tmp_path / "out" / "a.nii")
    assert left(tmp_path) == ["s", "s/000.dcm", "s/001.dcm", "s/002.dcm"]


# Padding


@pytest.mark.parametrize(
    ("units", "fill"), [("HU", -1000), ("hu", -1000), ("US", None), ("HU_MOD", None), ("Hounsfield", None)]
)
def test_padding_never_becomes_water_in_silence(units, fill, tmp_path):
    datasets = make_series("CT")
    for dataset in datasets:
        dataset.RescaleType, dataset.PixelPaddingValue = units, int(dataset.pixel_array[0, 0])
    folder = written(tmp_path / "in", datasets)
    if fill is None:
        with raises_code("VAL-FILL"):
            export(derive.read(folder), tmp_path / "a.nii")
        assert not (tmp_path / "a.nii").exists()
    exported = export(derive.read(folder), tmp_path / "a.nii", padding_value=None if fill else -7)
    assert exported.padded_voxels > 0
    assert exported.fill == (fill or -7)
