"""What is written is there as a whole or not at all, and nothing takes the place of what is no file or folder."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from derive.errors import OutputError
from derive.writing.atomic import target_files, target_folder, write_file


def fifo(path):
    os.mkfifo(path)


def link_to_fifo(path):
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to(path.with_name("pipe"))


def listening(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))  # the name of a socket is short


def left(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("make", [fifo, link_to_fifo, listening])
def test_what_is_neither_file_nor_folder_is_never_replaced(make, overwrite, tmp_path):
    target = tmp_path / "x"
    make(target)
    before, kind = left(tmp_path), target.lstat().st_mode
    with pytest.raises(OutputError) as caught, target_folder(target, 1, (), overwrite=overwrite):
        pytest.fail("nothing is written for it")
    assert caught.value.code == "OUT-EXISTS"
    with pytest.raises(OutputError) as caught:
        write_file(target, b"new", overwrite=overwrite)
    assert caught.value.code == "OUT-EXISTS"
    assert (left(tmp_path), target.lstat().st_mode) == (before, kind)


@pytest.mark.parametrize("form", ["folder", "files"])
def test_of_two_writers_without_overwrite_the_second_is_refused_at_the_end(form, tmp_path):
    target = tmp_path / "x"

    def write(text, meanwhile=lambda: None):
        if form == "folder":
            with target_folder(target, 1, (), overwrite=False) as folder:
                (folder / "a").write_text(text)
                meanwhile()
        else:
            with target_files([target, target.with_suffix(".b")], overwrite=False) as files:
                for file in files:
                    file.write_text(text)
                meanwhile()

    with pytest.raises(OutputError) as caught:
        write("second", meanwhile=lambda: write("first"))
    assert caught.value.code == "OUT-EXISTS"
    names = ["x", "x/a"] if form == "folder" else ["x", "x.b"]
    assert left(tmp_path) == names
    assert (tmp_path / names[-1]).read_text() == "first"


def test_files_of_one_write_are_replaced_together(monkeypatch, tmp_path):
    targets = [tmp_path / "a", tmp_path / "b"]
    for target in targets:
        target.write_text("old")
    really, failures = os.replace, iter([OSError(28, "No space left on device")])

    def full(source, target):
        if Path(target) == targets[0] and (error := next(failures, None)):  # the first one goes last
            raise error
        return really(source, target)

    def write():
        with target_files(targets, overwrite=True) as files:
            for file in files:
                file.write_text("new")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError) as caught:
        write()
    assert caught.value.code == "OUT-WRITE"
    assert left(tmp_path) == ["a", "b"]
    assert [t.read_text() for t in targets] == ["old", "old"]
    write()
    assert [t.read_text() for t in targets] == ["new", "new"]


def test_folders_that_were_made_for_nothing_go(tmp_path):
    with pytest.raises(ZeroDivisionError), target_folder(tmp_path / "x" / "y" / "z", 1, (), overwrite=False):
        _ = 1 / 0
    with pytest.raises(ZeroDivisionError), target_files([tmp_path / "x" / "y"], overwrite=False):
        _ = 1 / 0
    assert left(tmp_path) == []


def test_what_is_written_has_the_rights_that_the_mask_leaves(tmp_path):
    old = os.umask(0o027)
    try:
        with target_folder(tmp_path / "x", 1, (), overwrite=False) as folder:
            (folder / "a").write_text("new")
        write_file(tmp_path / "b", b"new", overwrite=False)
    finally:
        os.umask(old)
    modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in left(tmp_path)}
    assert modes == {"x": 0o750, "x/a": 0o640, "b": 0o640}
