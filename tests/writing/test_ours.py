"""A folder is replaced only if everything in it is ours, and never if somebody lives or works in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur, resample
from derive.writing import atomic
from derive.writing.atomic import refuse_files, target_folder
from derive.writing.ours import MOST_FOREIGN, contents_of, is_ours
from tests.helpers.asserting import each, raises_code
from tests.helpers.killing import digests, left
from tests.helpers.sources import make_series

BLUR = gaussian_blur(sigma_mm=1.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A series that derive wrote."""
    folder = tmp_path_factory.mktemp("made") / "out"
    derive.build(derive.read(make_series("CT")), BLUR).write(folder)
    return folder


@pytest.fixture
def out(made, tmp_path):
    shutil.copytree(made, tmp_path / "out")
    return tmp_path / "out"


def foreign_image(folder: Path, name: str = "scan.dcm") -> None:
    folder.mkdir(exist_ok=True)
    dataset = make_series("CT")[0]
    dataset.save_as(folder / name, enforce_file_format=True)


def bare_image(folder):
    dataset = pydicom.dcmread(next(folder.glob("*.dcm")))
    dataset.file_meta.ImplementationClassUID = "1.2.3"
    dataset.save_as(folder / "other.dcm")


FOREIGN = {
    "a text": lambda o: (o / "notes.txt").write_text("mine"),
    "an empty file": lambda o: (o / "empty.dcm").touch(),
    "a scan": foreign_image,
    "an instance of ours that another program wrote": bare_image,
    "a picture": lambda o: (o / "picture.png").write_bytes(b"\x89PNG"),
    "a manifest": lambda o: (o / "made.json").write_text('{"schema": "derive-report/1"}'),
    "a hidden file": lambda o: shutil.copy(next(o.glob("*.dcm")), o / ".hidden.dcm"),
    "a hidden folder": lambda o: shutil.copytree(o, o / ".hidden"),
    "an empty folder": lambda o: (o / "sub").mkdir(),
    "a scan in a folder": lambda o: foreign_image(o / "sub"),
    "a link to one of ours": lambda o: (o / "link.dcm").symlink_to(next(o.glob("*.dcm"))),
    "a link to a folder": lambda o: (o / "sub").symlink_to(o.parent, target_is_directory=True),
    "a link that leads nowhere": lambda o: (o / "link").symlink_to("gone"),
    "a pipe": lambda o: os.mkfifo(o / "pipe.dcm"),
    "half of an instance": lambda o: (o / "half.dcm").write_bytes(next(o.glob("*.dcm")).read_bytes()[:200]),
}


@pytest.mark.parametrize("add", FOREIGN.values(), ids=FOREIGN)
def test_what_derive_did_not_write_is_never_replaced(add, out):
    add(out)
    before = left(out), sorted(p for p in out.rglob("*") if p.is_dir())
    with raises_code("OUT-FOREIGN") as caught:
        derive.build(derive.read(make_series("CT")), BLUR).write(out, overwrite=True)
    assert (left(out), sorted(p for p in out.rglob("*") if p.is_dir())) == before
    assert left(out.parent) == ["out"]
    (name,) = each(caught.value.facts["foreign"])
    assert f"1 thing that derive did not write: {name}." in caught.value.message


def test_series_of_ours_are_replaced_whatever_their_files_are_called_and_in_folders_too(out):
    first = next(out.glob("*.dcm"))
    first.rename(out / "renamed")
    shutil.copytree(out, out.parent / "copy")
    (out.parent / "copy").rename(out / "another")
    derive.build(derive.read(make_series("CT")), BLUR).write(out, overwrite=True)
    assert left(out) == [f"IM{k:05d}.dcm" for k in range(1, 7)]
    assert left(out.parent) == ["out"]


def test_many_strangers_are_counted_and_the_first_are_named(out):
    for k in range(5):
        (out / f"mine{k}").touch()
    with raises_code("OUT-FOREIGN") as caught, target_folder(out, 1, (), overwrite=True):
        pytest.fail("nothing is written")
    assert "5 things" in caught.value.message
    assert "mine0, mine1, mine2, ..." in caught.value.message
    many = out.parent / "many"
    many.mkdir()
    for k in range(MOST_FOREIGN + 5):
        (many / str(k)).touch()
    assert len(contents_of(many).foreign) == MOST_FOREIGN


def test_what_comes_while_the_new_is_made_is_not_lost(out):
    before = digests(out)
    with raises_code("OUT-FOREIGN"), target_folder(out, 1, (), overwrite=True) as folder:
        (folder / "new").touch()
        (out / "mine").write_text("mine")
    (out / "mine").unlink()
    assert digests(out) == before


@pytest.mark.parametrize("exchanges", [True, False])
def test_what_comes_at_the_last_moment_is_not_lost(exchanges, out, monkeypatch):
    before, really = digests(out), atomic.replace_folder

    def late(part, move):
        (out / "mine").write_text("mine")
        return really(part, move)

    monkeypatch.setattr(atomic, "replace_folder", late)
    if not exchanges:
        monkeypatch.setattr("derive.writing.placing.exchange", lambda *_: False)
    with raises_code("OUT-FOREIGN") as caught, target_folder(out, 1, (), overwrite=True) as folder:
        (folder / "new").touch()
    assert "meanwhile" in caught.value.message
    assert (out / "mine").read_text() == "mine"
    (out / "mine").unlink()
    assert digests(out) == before
    assert left(out.parent) == ["out"]


PLACES = {
    "the current folder": "here",
    "what holds the current folder": ".",
    "a home": "homes/me",
    "what holds a home": "homes",
    "another's home": "homes/you",
    "a link to a home": "link",
    "by another way": "here/../homes/me",
    "through a link and back": "link/../me",
}


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("name", PLACES.values(), ids=PLACES)
def test_where_somebody_lives_or_works_is_never_replaced(name, overwrite, tmp_path, monkeypatch):
    root = tmp_path / "root"
    for folder in ("here", "homes/me", "homes/you"):
        (root / folder).mkdir(parents=True)
    (root / "link").symlink_to("homes/me")
    monkeypatch.chdir(root / "here")
    monkeypatch.setenv("HOME", str(root / "homes/me"))
    monkeypatch.setattr("derive.writing.ours.getpwall", lambda: [type("entry", (), {"pw_dir": root / "homes/you"})])
    before = sorted(tmp_path.rglob("*"))
    with raises_code("OUT-PLACE"), target_folder(root / name, 1, (), overwrite=overwrite):
        pytest.fail("nothing is written")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("way", ["plain", "link", "up", "source is a link"])
def test_the_folder_of_a_source_and_those_above_are_never_replaced(way, out):
    deep = out / "deep"
    deep.mkdir()
    for file in out.glob("*.dcm"):
        file.rename(deep / file.name)
    sources = [next(deep.iterdir())]
    if way == "source is a link":
        (out.parent / "linked.dcm").symlink_to(sources[0])
        sources = [out.parent / "linked.dcm"]
    (out.parent / "link").symlink_to(out)
    target = {"link": out.parent / "link", "up": deep / ".."}.get(way, out)
    for place in (target, deep):
        with raises_code("OUT-SOURCE"), target_folder(place, 1, sources, overwrite=True):
            pytest.fail("nothing is written")
    assert len(list(deep.iterdir())) == 6


def test_the_series_whose_grid_was_taken_is_a_source_too(out):
    series = derive.build(derive.read(make_series("CT")), resample(reference=derive.read(out)))
    with raises_code("OUT-SOURCE"):
        series.write(out, overwrite=True)


def test_images_in_the_folder_of_a_source_are_no_target_and_other_files_are(out):
    (out / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    refuse_files([out / "picture.png", out / "new"], [out], overwrite=True)
    with raises_code("OUT-SOURCE"):
        refuse_files([next(out.glob("*.dcm"))], [out], overwrite=True)


def test_a_file_is_known_by_who_wrote_it_and_not_by_what_it_says_of_equipment(made, tmp_path):
    file = next(made.iterdir())
    assert is_ours(file)
    dataset = pydicom.dcmread(file)
    del dataset.file_meta.ImplementationClassUID
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert not is_ours(tmp_path / "a.dcm")
    assert not is_ours(tmp_path / "gone")
