"""Archives as a source and as a target: fetched, derived and sent by the worker, each result there once."""

from __future__ import annotations

import pytest

import derive
from derive.many import batch as room
from derive.many.outcome import Ending
from derive.many.run import BEFORE
from derive.pacs.service.service import ArchiveService
from tests.helpers.asserting import each, every
from tests.helpers.trees import counted_endings, tree_of, written_plan


@pytest.fixture
def archives(tmp_path, monkeypatch):
    """An archive that has six series, another one that has none, and how those end."""
    monkeypatch.setattr(room, "has_dask", lambda: False)
    expected = tree_of(tmp_path / "files", 6)
    folders = tmp_path / "one", tmp_path / "two"
    with ArchiveService(folders[0], aet="ONE", port=0) as one, ArchiveService(folders[1], aet="TWO", port=0) as two:
        names = f"ONE@127.0.0.1:{one.port}", f"TWO@127.0.0.1:{two.port}"
        assert derive.send(sorted((tmp_path / "files").rglob("IM*.dcm")), names[0]).ok
        yield (*names, folders[1], expected)


def test_results_of_an_archive_go_to_another_one_once(archives, tmp_path):
    source, target, kept, expected = archives
    plan = written_plan(tmp_path)
    outcomes = list(derive.batch(source, plan, output=target))
    assert counted_endings(outcomes) == expected
    done = [o for o in outcomes if o.ending is Ending.DONE]
    assert every(o.facts["stored"] == o.facts["files"] == 4 for o in each(done, 5))
    assert len(list(kept.rglob("*.dcm"))) == 20
    again = list(derive.batch(source, plan, output=target, resume=True))
    assert every(o.facts[BEFORE] for o in each(again, 6))
    state = next(tmp_path.glob(".plan.derive"))
    (state / "ledger.jsonl").unlink()  # as if nobody remembered: what is sent again is the same
    list(derive.batch(source, plan, output=target))
    assert len(list(kept.rglob("*.dcm"))) == 20


def test_results_of_an_archive_go_to_a_folder(archives, tmp_path):
    source, _, _, expected = archives
    plan, output = written_plan(tmp_path), tmp_path / "out"
    outcomes = list(derive.batch(source, plan, output=output))
    assert counted_endings(outcomes) == expected
    folders = [output / o.folder for o in outcomes if o.ending is Ending.DONE]
    assert every(len(list(folder.glob("*.dcm"))) == 4 for folder in each(folders, 5))
    again = list(derive.batch(source, plan, output=output, resume=True))
    assert every(o.facts[BEFORE] for o in each(again, 6))


def test_what_an_archive_does_not_say_a_worker_fetches_to_know(archives, tmp_path):
    source, _, _, _ = archives
    rule = {"select": {"Modality": "CT", "SliceThickness": "<=0.1"}, "steps": ["gaussian_blur(sigma_mm=1)"]}
    outcomes = list(derive.batch(source, {"rule": [rule]}, output=tmp_path / "out"))
    assert every(o.ending is Ending.SKIPPED for o in each(outcomes, 6))


def test_an_archive_is_asked_for_what_is_wanted(archives, tmp_path):
    source, _, _, _ = archives
    plan = {"rule": [{"steps": ["gaussian_blur(sigma_mm=1)"]}]}
    outcomes = list(derive.batch(source, plan, output=tmp_path / "out", filters={"date": "1999"}))
    assert outcomes == []
