"""What a killed run leaves: known by its process, put in order by the next run, and never a living one's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from derive.writing import ours, placing, unfinished
from derive.writing.atomic import target_files, target_folder
from derive.writing.unfinished import Process, new_folder, recover, scratch, started, this_process
from tests.helpers.asserting import each, raises_code
from tests.helpers.killing import digests, ended_at_each_step, left


@pytest.fixture(autouse=True)
def _all_is_ours(monkeypatch):
    monkeypatch.setattr(ours, "is_ours", lambda file: True)


def series(target: Path, text: str) -> None:
    with target_folder(target, 1, (), overwrite=True) as folder:
        for name in ("a", "b"):
            (folder / name).write_text(f"{text} {name}")


def pair(target: Path, text: str) -> None:
    with target_files([target, target.with_suffix(".raw")], overwrite=True) as files:
        for file in files:
            file.write_text(f"{text} {file.suffix}")


def lone(target: Path, text: str) -> None:
    with target_files([target], overwrite=True) as (file,):
        file.write_text(text)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("exchanges", [True, False], ids=["exchanges", "no exchanges"])
@pytest.mark.parametrize("write", [series, pair, lone])
def test_at_whatever_step_a_run_ends_the_old_or_the_new_is_there_afterwards(write, exchanges, links, there, tmp_path):
    states = {}
    for text in ("old", "new"):
        folder = tmp_path / text
        folder.mkdir()
        write(folder / "x.mhd", text)
        states[text] = digests(folder)
    if not there:
        states["old"] = {}
    work, found = tmp_path / "work", []
    work.mkdir()
    if there:
        write(work / "x.mhd", "old")
    for step in ended_at_each_step(lambda: write(work / "x.mhd", "new"), links=links, exchanges=exchanges):
        recover(work)
        state = digests(work)
        assert state in states.values(), step
        assert not [name for name in left(work) if name.startswith(".")], step
        found.append(state == states["new"])
        shutil.rmtree(work)
        work.mkdir()
        if there:
            write(work / "x.mhd", "old")
    assert found == sorted(found)  # once it is the new, it stays the new
    assert len(found) > 2


def test_where_the_old_and_the_new_can_change_places_neither_is_ever_gone(tmp_path):
    for there in ("old", "new"):
        series(tmp_path / there / "x", there)
    work = tmp_path / "work"
    series(work / "x", "old")
    seen = []
    for _ in ended_at_each_step(lambda: series(work / "x", "new")):
        seen.append(digests(work / "x"))  # before anybody has put anything in order
        recover(work)
        series(work / "x", "old")
    wanted = [digests(tmp_path / there / "x") for there in ("old", "new")]
    assert [one for one in each(seen, 5) if one not in wanted] == []


def test_what_a_dead_run_left_is_named_and_removed_by_whoever_writes_there_next(tmp_path, caplog):
    code = (
        "import os, pathlib, sys\nfrom derive.writing.unfinished import new_folder\n"
        "part = new_folder(pathlib.Path(sys.argv[1]))\n(part / 'new').mkdir()\n"
        "(part / 'new' / 'a').write_text('half')\nprint(part.name, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "x")], capture_output=True, text=True, check=False)
    name = ran.stdout.strip()
    assert left(tmp_path) == [name]
    lone(tmp_path / "other", "new")
    assert left(tmp_path) == ["other"]
    assert name in caplog.text


def test_what_a_living_run_is_writing_stays(tmp_path, caplog):
    part = new_folder(tmp_path / "x")
    lone(tmp_path / "other", "new")
    assert left(tmp_path) == [part.name, "other"]
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("writer", "stays"),
    [
        (lambda p: p._replace(started=p.started + 1), False),  # its number was given to another
        (lambda p: p._replace(boot="00000000"), False),  # the machine was started again
        (lambda p: p._replace(number=2**22 + 1), False),
        (lambda p: p._replace(place="00000000"), True),  # of another machine
        (lambda p: p._replace(place="00000000", number=2**22 + 1), True),
        (lambda p: p, True),
    ],
)
def test_whose_work_it_is_decides(writer, stays, tmp_path, caplog):
    process: Process = writer(this_process())
    name = f".x.{process.name}-abcdefgh.part"
    (tmp_path / name / "new").mkdir(parents=True)
    recover(tmp_path)
    assert left(tmp_path) == ([name] if stays else [])
    if process.place == "00000000":
        assert f"{name} was left by process {process.number} of another machine" in caplog.text


@pytest.mark.parametrize("name", [".x.part", ".x.abcdefgh.part", "x.1-1-00000000-00000000-abcdefgh.part", ".part"])
def test_a_name_that_only_looks_so_is_somebody_elses(name, tmp_path):
    (tmp_path / name).mkdir()
    recover(tmp_path)
    assert left(tmp_path) == [name]


def test_a_plan_that_names_files_elsewhere_is_not_followed(tmp_path, caplog):
    name = f".x.{this_process()._replace(started=1).name}-abcdefgh.part"
    part = tmp_path / "in" / name
    part.mkdir(parents=True)
    (tmp_path / "mine").write_text("mine")
    (part / "moves.json").write_text('[["gone", "../mine"], ["new/x", "x"]]')
    (part / "new").mkdir()
    (part / "new" / "x").write_text("x")
    recover(tmp_path / "in")
    assert (tmp_path / "mine").read_text() == "mine"
    assert "and stays" in caplog.text


def test_what_cannot_be_put_back_is_kept_and_named(tmp_path, caplog):
    name = f".x.{this_process()._replace(started=1).name}-abcdefgh.part"
    part = tmp_path / name
    (part / "new").mkdir(parents=True)
    (part / "old.0").mkdir()
    (part / "old.0" / "a").write_text("old")
    (part / "moves.json").write_text('[["new", "x"]]')
    (tmp_path / "x").mkdir()
    recover(tmp_path)
    assert (part / "old.0" / "a").read_text() == "old"
    assert "holds what it had replaced" in caplog.text


def test_a_process_that_nobody_asks_after_is_dead():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert started(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert started(child.pid) is None
    assert started(os.getpid()) == this_process().started


def test_scratch_of_dead_runs_goes_and_that_of_living_ones_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = f".derive.{this_process()._replace(started=1).name}-abcdefgh.part"
    (tmp_path / dead / "series").mkdir(parents=True)
    with scratch() as one, scratch() as other:
        assert left(tmp_path) == sorted([Path(one).name, Path(other).name])
    assert left(tmp_path) == []


def test_names_that_are_long_or_odd_are_no_matter(tmp_path):
    for name in ("ä" * 100, "a\nb", os.fsdecode(b"\xff\xfe"), " ", "-x"):
        with target_folder(tmp_path / name, 1, (), overwrite=True) as folder:
            assert unfinished.UNFINISHED.fullmatch(folder.parent.name)
        assert (tmp_path / name).is_dir()


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("form", ["folder", "files"])
def test_a_process_that_has_to_end_places_nothing_any_more(form, overwrite, tmp_path, monkeypatch):
    target = tmp_path / "x.mhd"
    if overwrite:
        {"folder": series, "files": pair}[form](target, "old")
    before = digests(tmp_path)
    with raises_code("OUT-WRITE"), writing(form, target, overwrite=overwrite) as new:
        for name in ("x.mhd", "x.raw"):
            (new / name).write_text("new")
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # it is under way when the new would be placed
            unfinished.abandon()
    placing._turn.begin()
    assert digests(tmp_path) == before
    assert left(tmp_path) == sorted({name.partition("/")[0] for name in before})


@contextmanager
def writing(form: str, target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give the folder in which the new is made."""
    if form == "folder":
        with target_folder(target, 1, (), overwrite=overwrite) as folder:
            yield folder
    else:
        with target_files([target, target.with_suffix(".raw")], overwrite=overwrite) as (file, _):
            yield file.parent
