import stat
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from derive.errors import SourceError
from derive.limits import Limits
from derive.model.stacking import stack
from derive.reading.read import read
from derive.reading.zips import ZipArchive
from tests.helpers.asserting import every
from tests.helpers.source_files import in_order

CT = "petctmr_ibsi_sts002/CT/image"


def _zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.fixture
def six(real, tmp_path):
    files = in_order(real(CT))[:6]
    return _zip(tmp_path / "six.zip", [(f"a/b/{i}.dcm", p.read_bytes()) for i, p in enumerate(files)])


def _refused(path, code, **limits):
    with pytest.raises(SourceError) as refused:
        read(path, limits=Limits(**limits))
    assert refused.value.code == code
    return refused.value.message


def test_an_archive_is_read_like_the_folder_it_holds(real, six):
    files = in_order(real(CT))[:6]
    packed, plain = read(six), read(files)
    assert packed.references == plain.references
    assert packed.table.constant == plain.table.constant
    assert np.array_equal(stack(packed).array, stack(plain).array)
    assert packed.paths == (six,)
    assert [i.name for i in packed.frames] == [f"a/b/{i}.dcm" for i in range(6)]


def test_compressed_and_deflated_images_in_an_archive(real, tmp_path):
    folder = real("cornerstone_one_ct_all_syntaxes")
    expected = read(folder / "CTImage.dcm").frames[0].stored_values()
    for uid in ("4.90", "1.99", "5"):
        (path,) = folder.glob(f"*_1.2.840.10008.1.2.{uid}.dcm")
        (instance,) = read(_zip(tmp_path / f"{uid}.zip", [("x", path.read_bytes())])).frames
        assert np.array_equal(instance.stored_values(), expected)


def test_what_lies_beside_in_an_archive_is_skipped(six):
    with zipfile.ZipFile(six, "a") as archive:
        archive.writestr("readme.txt", "hello")
        archive.mkdir("empty_folder") if hasattr(archive, "mkdir") else archive.writestr("empty_folder/", "")
    assert [tuple(s) for s in read(six).skipped] == [("readme.txt", "not a DICOM file")]


def test_nothing_stays_on_the_disk(six, monkeypatch, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr("derive.pixels.shared.IN_MEMORY", 1000)
    before = set(tmp_path.iterdir())
    assert stack(read(six)).array.shape[0] == 6
    assert list(scratch.iterdir()) == []
    assert set(tmp_path.iterdir()) == before


def test_pixels_may_be_asked_for_by_several_threads(six):
    series = read(six)
    expected = [i.stored_values() for i in series.frames]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda k: series.frames[k % 6].stored_values(), range(48)))
    assert every(np.array_equal(f, expected[k % 6]) for k, f in enumerate(found))


@pytest.mark.parametrize("name", ["../up.dcm", "a/../../up.dcm", "/etc/x.dcm", "C:\\x.dcm", "a\\..\\..\\x.dcm"])
def test_entries_that_climb_out_are_refused(tmp_path, name):
    info = zipfile.ZipInfo("x")
    info.filename = name
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(info, b"x")
    assert "leaves its folder" in _refused(tmp_path / "z.zip", "ZIP-PATH")


def test_a_name_that_merely_has_dots_is_no_climb(six):
    with zipfile.ZipFile(six, "a") as archive:
        archive.writestr("a..b/..c/x...txt", "text")
    assert len(read(six).frames) == 6


def test_symbolic_links_are_refused(tmp_path):
    info = zipfile.ZipInfo("link.dcm")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "link.dcm" in _refused(tmp_path / "z.zip", "ZIP-LINK")


def test_encrypted_entries_are_refused(tmp_path):
    path = _zip(tmp_path / "z.zip", [("x.dcm", b"x" * 100)])
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "x.dcm" in _refused(path, "ZIP-ENCRYPTED")


def test_more_entries_than_allowed(six):
    assert "6 entries" in _refused(six, "ZIP-SIZE", entries=5)
    assert len(read(six, limits=Limits(entries=6)).frames) == 6


def test_more_bytes_than_allowed(six):
    size = sum(i.file_size for i in zipfile.ZipFile(six).infolist())
    _refused(six, "ZIP-SIZE", unpacked_bytes=size - 1)
    assert len(read(six, limits=Limits(unpacked_bytes=size)).frames) == 6


def test_asking_for_pixels_again_does_not_use_the_limit_up(six):
    size = sum(i.file_size for i in zipfile.ZipFile(six).infolist())
    series = read(six, limits=Limits(unpacked_bytes=size))
    for _ in range(3):
        assert stack(series).array.shape[0] == 6


def test_an_archive_that_packs_too_well_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("derive.limits.RATIO_FLOOR", 1000_000)
    path = _zip(tmp_path / "z.zip", [("x.dcm", bytes(5_000_000))])
    _refused(path, "ZIP-SIZE")
    with pytest.raises(SourceError, match="SRC-NONE"):
        read(path, limits=Limits(ratio=5000))


def test_bytes_are_counted_as_they_are_unpacked_not_as_declared(tmp_path):
    path = _zip(tmp_path / "z.zip", [("x.dcm", bytes(3_000_000))])
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02") + 24
    data[at : at + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    _refused(path, "ZIP-UNREADABLE", unpacked_bytes=10_000)


def test_entries_that_share_their_bytes_are_refused(tmp_path):
    path = _zip(tmp_path / "z.zip", [("a.dcm", b"\1" * 9), ("b.dcm", bytes(range(256)) * 99)], zipfile.ZIP_STORED)
    data = path.read_bytes()
    directory = data.find(b"PK\x01\x02")
    entry = data[data.rfind(b"PK\x01\x02") : data.find(b"PK\x05\x06")]
    end = bytearray(data[data.find(b"PK\x05\x06") :])
    central = entry * 3
    end[8:12] = (3).to_bytes(2, "little") * 2
    end[12:16] = len(central).to_bytes(4, "little")
    path.write_bytes(data[:directory] + central + bytes(end))
    _refused(path, "ZIP-SIZE")


def test_a_damaged_entry_is_refused_by_name(six):
    data = bytearray(six.read_bytes())
    data[2000:2200] = bytes(200)
    six.write_bytes(data)
    assert "a/b/0.dcm" in _refused(six, "ZIP-UNREADABLE")


def test_what_only_begins_like_an_archive(tmp_path):
    (tmp_path / "z.zip").write_bytes(b"PK\x03\x04" + bytes(500))
    _refused(tmp_path / "z.zip", "ZIP-UNREADABLE")


def test_an_archive_in_a_folder_is_not_opened_unasked(six, real, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in in_order(real(CT))[:2]:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "more.zip").write_bytes(six.read_bytes())
    series = read(folder)
    assert len(series.frames) == 2
    assert [s.name for s in series.skipped] == ["more.zip"]
    assert "archive" in series.skipped[0].reason


def test_a_folder_is_never_written_to(six):
    before = {p: p.stat().st_mtime_ns for p in Path(six.parent).rglob("*")}
    stack(read(six)).slab(0, 2)
    assert {p: p.stat().st_mtime_ns for p in Path(six.parent).rglob("*")} == before


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("in_memory", [1000, 1 << 20])
def test_frames_of_a_member_do_not_unpack_it_again(tmp_path, monkeypatch, compression, in_memory):
    monkeypatch.setattr("derive.pixels.shared.IN_MEMORY", in_memory)
    contents = [bytes([k]) * 5000 for k in range(3)]
    path = _zip(tmp_path / "x.zip", [(f"{k}.dcm", c) for k, c in enumerate(contents)], compression)
    archive = ZipArchive(path, Limits())
    reads = []
    monkeypatch.setattr(archive, "_read", lambda *given: reads.append(given[0].filename) or read_it(*given))
    read_it = type(archive)._read.__get__(archive)
    for _ in range(20):
        for member, content in zip(archive.members(), contents, strict=True):
            with archive.open(member) as stream:
                stream.seek(1234)
                assert stream.read(99) == content[:99]
                assert stream.seek(0, 2) == len(content)
    assert sorted(reads) == ["0.dcm", "1.dcm", "2.dcm"]


def test_a_stored_member_is_held_against_its_checksum(six, tmp_path):
    with zipfile.ZipFile(six) as archive:
        content = archive.read("a/b/0.dcm")
    path = _zip(tmp_path / "z.zip", [("x.dcm", content)], zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[len(content) // 2] ^= 1
    path.write_bytes(data)
    _refused(path, "ZIP-UNREADABLE")


def test_an_archive_that_is_changed_after_its_headers_were_read(six, tmp_path):
    with zipfile.ZipFile(six) as archive:
        members = [(i.filename, archive.read(i)) for i in archive.infolist()]
    path = _zip(tmp_path / "z.zip", members, zipfile.ZIP_STORED)
    series = read(path)
    with path.open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(SourceError, match="SRC-CHANGED"):
        series.frames[0].stored_values()
