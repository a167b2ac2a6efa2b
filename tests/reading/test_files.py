"""What names lead to: files once, archives only by name, and what stands in the way as items."""

from __future__ import annotations

import os
import zipfile

import pytest

from derive.errors import UsageError
from derive.model.source import Skipped
from derive.reading.files import Origin, Repeated, Unreadable, find
from derive.reading.header import Header
from derive.reading.read import read
from derive.reading.scan import scan
from tests.helpers.source_files import save
from tests.helpers.sources import make_series


def names(source, kind):
    return [found.name for found in find(source) if isinstance(found, kind)]


def written(datasets, folder):
    for number, dataset in enumerate(datasets):
        save(dataset, folder / f"{number}.dcm")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "inner").mkdir()
    for name in ("b", "a", "inner/c"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_files_have_their_names_below_the_folder_in_order(folder):
    assert names(folder, Origin) == ["a", "b", "inner/c"]
    assert [o.path for o in find(folder)] == [folder / "a", folder / "b", folder / "inner" / "c"]


def test_a_file_is_given_once_whatever_leads_to_it(folder):
    (folder / "soft").symlink_to(folder / "a")
    os.link(folder / "b", folder / "hard")
    repeated = [(f.name, f.first) for f in find([folder, folder / "a"]) if isinstance(f, Repeated)]
    assert repeated == [("hard", "b"), ("soft", "a"), ("a", "a")]
    assert names([folder, folder / "a"], Origin) == ["a", "b", "inner/c"]


def test_what_stands_in_the_way_is_an_item(folder):
    (folder / "gone").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe")
    closed = {f.name: f for f in find([folder, folder / "missing"]) if isinstance(f, Unreadable)}
    assert {name: f.code for name, f in closed.items()} == {"gone": "SRC-UNREADABLE", "missing": "SRC-MISSING"}
    assert closed["missing"].error.code == "SRC-MISSING"
    assert [f for f in find(folder) if isinstance(f, Skipped)] == [Skipped("pipe", "not a regular file")]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_is_closed_is_an_item(folder):
    (folder / "inner").chmod(0)
    closed = [(f.name, f.code) for f in find(folder) if isinstance(f, Unreadable)]
    (folder / "inner").chmod(0o700)
    assert closed == [("inner", "SRC-UNREADABLE")]


def test_an_archive_is_opened_by_its_name_only(folder):
    with zipfile.ZipFile(folder / "z.zip", "w") as archive:
        archive.writestr("member", b"x" * 200)
    assert names(folder / "z.zip", Origin) == ["member"]
    assert names(folder, Origin) == ["a", "b", "z.zip", "inner/c"]
    skipped = {s.name: s.reason for s in scan(find(folder)) if isinstance(s, Skipped)}
    assert skipped["z.zip"] == "an archive inside a folder; give its own name to read it"


def test_what_is_no_path_is_refused():
    with pytest.raises(UsageError) as caught:
        list(find([3]))
    assert caught.value.code == "SRC-INPUT"


def test_a_header_is_made_of_any_class_and_only_reading_tells_them_apart(tmp_path):
    images = make_series("CT", 4)
    other = images.pop()
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    written([*images, other], tmp_path)
    headers = [h for h in scan(find(tmp_path)) if isinstance(h, Header)]
    assert sorted(h.readable for h in headers) == [False, True, True, True]
    assert [s.reason for s in read(tmp_path).skipped] == ["other class: Comprehensive SR Storage"]


def test_private_attributes_are_told_where_they_are_asked_for(tmp_path):
    (image,) = make_series("CT", 1)
    image.add_new(0x00091001, "LO", "short")
    image.add_new(0x00091002, "OB", bytes(range(100)))
    written([image], tmp_path)
    (told,) = scan(find(tmp_path), others=True)
    (untold,) = scan(find(tmp_path))
    assert told.others.items() >= {(0x00091001, "short"), (0x00091002, "100 bytes, bce0aff1")}
    assert untold.others == {}
    assert untold.tags == told.tags >= {0x00091001, 0x00091002}
