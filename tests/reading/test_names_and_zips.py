"""Archives and folders that are damaged, endless, or called as nothing should be called."""

from __future__ import annotations

import os
import struct
import subprocess
import zipfile

import pytest

import derive
from derive.errors import DeriveError
from derive.limits import Limits, in_force
from derive.reading.read import read
from tests.helpers.asserting import each, raises_code
from tests.helpers.sources import make_series


@pytest.fixture
def series(tmp_path):
    """Three images in a folder."""
    folder = tmp_path / "series"
    folder.mkdir()
    for index, dataset in enumerate(make_series("CT", 3)):
        dataset.save_as(folder / f"{index}.dcm", enforce_file_format=True)
    return folder


def packed(series, path, method=zipfile.ZIP_DEFLATED, names=None):
    with zipfile.ZipFile(path, "w", method) as archive:
        for index, file in enumerate(sorted(series.iterdir())):
            archive.write(file, names[index] if names else file.name)
    return path


def patched(path, mark, offset, value):
    """Overwrite bytes of every header that begins so."""
    data, at = bytearray(path.read_bytes()), -1
    while (at := data.find(mark, at + 1)) >= 0:
        data[at + offset : at + offset + len(value)] = value
    path.write_bytes(data)
    return path


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


def refused(path):
    """Every command refuses it, or lists it, and none fails."""
    found = derive.inspect(path)
    assert not found.stacks or not found.stacks[0].reads.ok or found.unreadable
    assert derive.check(path).errors
    with pytest.raises(DeriveError) as caught:
        read(path)
    return caught.value.code


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_STORED])
def test_damage_of_every_kind_of_member(series, tmp_path, method):
    path = packed(series, tmp_path / "a.zip", method)
    assert len(read(path).frames) == 3
    data = path.read_bytes()
    for at in range(30, 400, 37):
        path.write_bytes(data[:at] + bytes(b ^ 0x55 for b in data[at : at + 20]) + data[at + 20 :])
        assert refused(path).startswith(("ZIP-", "SRC-"))


@pytest.mark.parametrize(("mark", "offset", "value"), [
    (CENTRAL, 6, b"\xff\0"), (LOCAL, 4, b"\xff\0"), (CENTRAL, 10, b"\x63\0"), (LOCAL, 8, b"\x63\0"),
    (CENTRAL, 24, b"\xff\xff\xff\x7f"), (CENTRAL, 20, b"\xff\xff\xff\x7f"), (CENTRAL, 42, b"\xff\xff\xff\x7f"),
    (CENTRAL, 28, b"\xff\xff"), (CENTRAL, 30, b"\xff\xff"), (b"PK\x05\x06", 16, b"\xff\xff\xff\x7f"),
    (b"PK\x05\x06", 10, b"\xff\xff"), (CENTRAL, 8, b"\x41\0"),
])  # fmt: skip
def test_headers_that_lie(series, tmp_path, mark, offset, value):
    """Versions and methods that nobody knows, sizes and places that are none, encryption."""
    path = patched(packed(series, tmp_path / "a.zip"), mark, offset, value)
    try:
        assert len(read(path).frames) == 3
    except DeriveError as error:
        codes = {error.code}
    else:
        codes = {"read"}
    assert codes <= {"ZIP-UNREADABLE", "ZIP-SIZE", "ZIP-ENCRYPTED", "SRC-NONE", "read"}
    assert str(derive.inspect(path))
    assert derive.check(path)


@pytest.mark.parametrize("flag", [0, 0x800])
@pytest.mark.parametrize("raw", [b"\xff\xfe.dcm", b"\xc3(.dcm", b"a\x1b[31m.d", b"\x00\x00\x00\x00.d"])
def test_names_that_are_no_text(series, tmp_path, flag, raw):
    path = packed(series, tmp_path / "a.zip", names=["XXXXXX", "2.dcm", "3.dcm"])
    path.write_bytes(path.read_bytes().replace(b"XXXXXX", raw[:6].ljust(6, b"_")))
    if flag:
        patched(path, LOCAL, 6, struct.pack("<H", flag))
        patched(path, CENTRAL, 8, struct.pack("<H", flag))
    try:
        text = str(derive.inspect(path))
        assert len(read(path).frames) == 3
    except DeriveError as error:
        text = str(error)
    assert "\x1b" not in text


def test_members_that_overlap(series, tmp_path):
    path = packed(series, tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    places = [k for k in range(len(data)) if data[k : k + 4] == CENTRAL]
    for place in places:
        data[place + 42 : place + 46] = bytes(4)
    path.write_bytes(data)
    assert refused(path).startswith("ZIP-")


def test_a_bomb_is_refused_and_a_person_may_say_otherwise(series, tmp_path, monkeypatch):
    monkeypatch.setattr("derive.limits.RATIO_FLOOR", 1000_000)
    path = packed(series, tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("air", bytes(30_000_000))
    with raises_code("ZIP-SIZE") as caught:
        read(path)
    assert "set_unpack_gib" in caught.value.message
    derive.set_unpack_gib(1)
    try:
        assert len(read(path).frames) == 3
        derive.set_unpack_gib(0.01)
        with raises_code("ZIP-SIZE"):
            read(path)
    finally:
        derive.set_unpack_gib(None)
    assert in_force() == Limits()


@pytest.mark.parametrize("gib", [0, -1, float("nan"), float("inf")])
def test_a_limit_is_a_number(gib):
    with raises_code("OPT-UNPACK"):
        derive.set_unpack_gib(gib)


NAMES = ["a" * 5000, "b/" * 3000, "x\0y", "\udcff\udcfe"]


@pytest.mark.parametrize("name", NAMES, ids=["long", "deep", "nul", "undecodable"])
def test_names_that_no_file_has(name):
    for call in (derive.read, derive.explain, derive.verify):
        with pytest.raises(DeriveError) as caught:
            call(name)
        assert caught.value.code in ("SRC-MISSING", "SRC-NONE")
        assert len(str(caught.value)) < 2100
    assert derive.check(name).errors
    with raises_code("SRC-MISSING"):
        derive.inspect(name)


@pytest.fixture
def cleared(series):
    """A folder that goes when the test ends: shutil, and so pytest, cannot remove what nests so deep."""
    yield series
    subprocess.run(["rm", "-rf", series], check=True)


def test_folders_1500_deep(cleared):
    series = cleared
    here = os.open(series, os.O_RDONLY)
    try:
        for _ in range(1500):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        with os.fdopen(os.open("note.txt", os.O_CREAT | os.O_WRONLY, dir_fd=here), "w") as file:
            file.write("a note")
    finally:
        os.close(here)
    found = read(series)
    assert len(found.frames) == 3
    assert [s.reason for s in found.skipped] == ["not a DICOM file"]
    assert derive.inspect(series).stacks[0].reads.ok
    assert derive.check(series).files == 3


def test_folders_that_are_deeper_than_a_path_can_say(cleared):
    series = cleared
    here = os.open(series, os.O_RDONLY)
    for _ in range(30):
        name = "d" * 250
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    with raises_code("SRC-UNREADABLE") as caught:
        read(series)
    assert len(str(caught.value)) < 2100
    assert each(derive.inspect(series).unreadable)
    assert derive.check(series).errors


def test_undecodable_file_names(series):
    raw = os.fsencode(series) + b"/\xff\xfe\x1b[31m.dcm"
    os.rename(series / "0.dcm", raw)
    found = read(series)
    assert len(found.frames) == 3
    assert str(derive.inspect(series)).encode("utf-8")
    assert str(derive.check(series).to_json()).encode("utf-8", "backslashreplace")
