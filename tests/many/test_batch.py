"""A plan over a tree, in this process: outcomes as planned, resumed, and never two at once."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import derive
from derive.many import batch as room
from derive.many.ledger import JOURNAL
from derive.many.outcome import Ending
from derive.many.report import summary_of
from derive.many.run import BEFORE
from derive.many.tasks import STATE
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.commands import run
from tests.helpers.killing import digests
from tests.helpers.trees import MOMENT, PLAN, counted_endings, tree_of, written_plan


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """Without Dask: series after series in this process."""
    monkeypatch.setattr(room, "has_dask", lambda: False)


def results_in(folder: Path) -> dict[str, str]:
    return {name: digest for name, digest in digests(folder).items() if not name.startswith(STATE)}


def outcomes_of(tree, output, **options):
    return list(derive.batch(tree[0], tree[2], output=output, **options))


@pytest.fixture(scope="module")
def done(tree, tmp_path_factory):
    """A run over the tree; nobody changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "has_dask", lambda: False)
        output = tmp_path_factory.mktemp("done") / "out"
        found = derive.batch(tree[0], tree[2], output=output, report=output.with_name("run.jsonl"))
        return output, list(found), found.summary


def test_outcomes_are_as_planned(tree, done):
    output, outcomes, summary = done
    assert counted_endings(outcomes) == tree[1]
    assert summary.exit_code == 8
    assert {u.name for u in summary.unread} == {"broken.dcm", "gone"}
    folders = [output / o.folder for o in outcomes if o.ending is Ending.DONE]
    assert every((folder / name).is_file() for folder in each(folders, 8) for name in ("IM00001.dcm", "IM00004.dcm"))
    written = {p.parent for p in output.rglob("*.dcm")}
    assert written == set(folders)


def test_a_report_says_the_same(done):
    output, _, summary = done
    told = summary_of(output.with_name("run.jsonl"))
    assert told.counts == summary.counts
    assert told.codes == summary.codes
    assert told.exit_code == 8
    assert told.ended


def test_a_result_is_what_the_command_writes(tree, done, tmp_path):
    output, outcomes, _ = done
    mine = next(o for o in outcomes if o.series_instance_uid == "2.25.8000000")
    source = next(tree[0].rglob("00000 CT"))
    flags = ["--uids", "reproducible", "--timestamp", MOMENT, "-q"]
    assert run("gaussian-blur", source, "-o", tmp_path / "command", "--sigma-mm", 1, *flags) == 0
    assert digests(output / mine.folder) == digests(tmp_path / "command")


def test_another_run_gives_the_same_bytes(tree, done, tmp_path):
    again = outcomes_of(tree, tmp_path / "out")
    assert counted_endings(again) == tree[1]
    assert results_in(tmp_path / "out") == results_in(done[0])


def test_what_is_done_and_still_there_is_not_done_again(tree, done, tmp_path):
    output = tmp_path / "out"
    shutil.copytree(done[0], output)
    lost = next(o for o in done[1] if o.ending is Ending.DONE)
    shutil.rmtree(output / lost.folder)
    outcomes = outcomes_of(tree, output, resume=True)
    assert counted_endings(outcomes) == tree[1]
    worked = [o for o in outcomes if not o.facts.get(BEFORE) and o.ending is not Ending.SKIPPED]
    assert [o.series_instance_uid for o in worked] == [lost.series_instance_uid]
    assert results_in(output) == results_in(done[0])


def test_an_output_that_is_not_empty_is_only_gone_on_with_by_who_says_so(tree, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "mine").write_text("x")
    with raises_code("OUT-EXISTS"):
        outcomes_of(tree, output)
    assert [p.name for p in output.iterdir()] == ["mine"]


def test_a_changed_source_is_done_anew_and_said(tmp_path):
    tree_of(tmp_path / "archive", 1)
    plan, output = written_plan(tmp_path), tmp_path / "out"
    (first,) = derive.batch(tmp_path / "archive", plan, output=output)
    before = results_in(output)
    changed = max((tmp_path / "archive").rglob("IM0003.dcm"))
    data = changed.read_bytes()
    changed.write_bytes(data[:-2] + bytes([data[-2] ^ 1, data[-1]]))
    (second,) = derive.batch(tmp_path / "archive", plan, output=output, resume=True)
    assert (second.ending, second.folder, second.facts["changed"]) == (Ending.DONE, first.folder, True)
    assert results_in(output).keys() == before.keys()
    assert results_in(output) != before


def test_a_touched_source_is_not_done_anew_where_bytes_count(tmp_path):
    tree_of(tmp_path / "archive", 1)
    plan, output = written_plan(tmp_path), tmp_path / "out"
    list(derive.batch(tmp_path / "archive", plan, output=output, digest="content"))
    for path in each((tmp_path / "archive").rglob("IM*.dcm"), 4):
        os.utime(path, ns=(1, 1))
    (second,) = derive.batch(tmp_path / "archive", plan, output=output, resume=True, digest="content")
    assert second.facts[BEFORE]


def test_a_changed_rule_is_done_anew(tmp_path):
    tree_of(tmp_path / "archive", 1)
    output = tmp_path / "out"
    list(derive.batch(tmp_path / "archive", written_plan(tmp_path), output=output))
    before = results_in(output)
    plan = written_plan(tmp_path, PLAN.replace("sigma_mm=1", "sigma_mm=2"))
    (second,) = derive.batch(tmp_path / "archive", plan, output=output, resume=True)
    assert second.facts["changed"]
    assert results_in(output).keys() == before.keys()
    assert results_in(output) != before


def test_names_that_collide_are_marked_and_nothing_is_overwritten(tmp_path):
    tree_of(tmp_path / "archive", 2)
    plan = {"rule": [{"name": "all", "steps": ["gaussian_blur(sigma_mm=1)"]}], "output": {"layout": "{PatientID}"}}
    outcomes = list(derive.batch(tmp_path / "archive", plan, output=tmp_path / "out"))
    folders = {o.folder for o in outcomes}
    assert len(folders) == 2
    assert every(folder.startswith("P0000-") for folder in folders)
    assert every(o.ending is Ending.DONE for o in outcomes)


def test_what_somebody_else_put_there_is_never_touched(tmp_path):
    tree_of(tmp_path / "archive", 1)
    output = tmp_path / "out"
    theirs = output / "P0000" / "2.25.7000000" / "0001"
    theirs.mkdir(parents=True)
    (theirs / "mine").write_text("x")
    (outcome,) = derive.batch(tmp_path / "archive", written_plan(tmp_path), output=output, resume=True)
    assert outcome.ending is Ending.DONE
    assert outcome.folder.startswith("P0000/2.25.7000000/0001-")
    assert [p.name for p in theirs.iterdir()] == ["mine"]


def test_several_rules_may_want_a_series(tmp_path):
    tree_of(tmp_path / "archive", 1)
    rules = [
        {"name": "smooth", "steps": ["gaussian_blur(sigma_mm=1)"], "continue": True},
        {"name": "mip", "steps": ["mip(slab_mm=4, step_mm=2)"]},
    ]
    plan = {"rule": rules, "output": {"layout": "{PatientID}/{rule}"}}
    outcomes = list(derive.batch(tmp_path / "archive", plan, output=tmp_path / "out"))
    assert {o.folder for o in outcomes} == {"P0000/smooth", "P0000/mip"}


def test_results_that_name_nobody_lie_where_their_new_names_say(tmp_path, monkeypatch):
    monkeypatch.setenv("DERIVE_TEST_KEY", "k" * 32)
    tree_of(tmp_path / "archive", 2)
    rule = {"name": "all", "steps": ["gaussian_blur(sigma_mm=1)"], "options": {"uids": "reproducible"}}
    rule["deidentify"] = {"profile": "basic", "key_env": "DERIVE_TEST_KEY"}
    plan = {"rule": [rule], "output": {"layout": "{PatientID}/{StudyInstanceUID}"}}
    output = tmp_path / "out"
    outcomes = list(derive.batch(tmp_path / "archive", plan, output=output))
    assert [o.ending for o in outcomes] == [Ending.DONE, Ending.DONE], outcomes
    assert not any("P0000" in str(p) or "2.25.7000000" in str(p) for p in each(output.rglob("*"), 4))
    assert len({o.folder.split("/")[0] for o in outcomes}) == 1  # one patient has one new name
    again = list(derive.batch(tmp_path / "archive", plan, output=output, resume=True))
    assert every(o.facts[BEFORE] for o in again)


def test_a_dry_run_writes_nothing(tree, tmp_path):
    outcomes = outcomes_of(tree, tmp_path / "out", dry_run=True)
    planned = {(Ending.PLANNED if e is Ending.DONE else e, code): n for (e, code), n in tree[1].items()}
    assert counted_endings(outcomes) == planned
    assert list(tmp_path.iterdir()) == []


def test_a_limit_begins_so_many(tree, tmp_path):
    outcomes = outcomes_of(tree, tmp_path / "out", limit=2)
    assert sum(o.ending is not Ending.SKIPPED for o in outcomes) == 2


def test_who_stops_listening_keeps_what_is_done(tree, tmp_path):
    output = tmp_path / "out"
    found = derive.batch(tree[0], tree[2], output=output)
    first = next(o for o in found if o.ending is Ending.DONE)
    found.close()
    outcomes = outcomes_of(tree, output, resume=True)
    assert counted_endings(outcomes) == tree[1]
    assert [o.series_instance_uid for o in outcomes if o.facts.get(BEFORE)].count(first.series_instance_uid) == 1


def test_a_second_run_at_once_is_refused(tree, tmp_path):
    output = tmp_path / "out"
    found = derive.batch(tree[0], tree[2], output=output)
    next(found)
    with raises_code("MANY-LOCKED"):
        outcomes_of(tree, output, resume=True)
    found.close()


def test_a_result_that_was_placed_and_not_told_is_found_again(tree, done, tmp_path):
    """As if the run had been killed between the two, and while the next series was written."""
    output = tmp_path / "out"
    shutil.copytree(done[0], output)
    journal = output / STATE / JOURNAL
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    ended = next(line for line in lines if "ended" in line and line["outcomes"][0]["ending"] == "done")
    kept = [line for line in lines if line is not ended]
    journal.write_text("".join(json.dumps(line) + "\n" for line in kept) + '{"begun": "torn')
    outcomes = outcomes_of(tree, output, resume=True)
    assert counted_endings(outcomes) == tree[1]
    mine = next(o for o in outcomes if f"{o.series_instance_uid} {o.rule}" == ended["ended"])
    assert mine.message == "found complete after an interruption"
    assert results_in(output) == results_in(done[0])


def test_nothing_that_matches_is_exit_code_3(tree, tmp_path):
    plan = {"rule": [{"steps": ["mip()"], "select": {"Modality": "XX"}}]}
    found = derive.batch(tree[0], plan, output=tmp_path / "out")
    assert every(o.ending is Ending.SKIPPED for o in found)
    assert found.summary.exit_code == 3


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"workers": 0}, "OPT-JOBS"),
        ({"limit": 0}, "MANY-OPTION"),
        ({"timeout_s": 0}, "MANY-OPTION"),
        ({"digest": "md5"}, "MANY-OPTION"),
        ({"wrokers": 2}, "OPT-UNKNOWN"),
        ({"scheduler": "tcp://127.0.0.1:1"}, "MANY-DASK"),
        ({"filters": {"date": "2026"}}, "MANY-OPTION"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_options_that_cannot_be_are_refused_before_anything_runs(tree, tmp_path, options, code):
    with raises_code(code):
        derive.batch(tree[0], tree[2], output=tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_the_source_is_no_output(tree):
    with raises_code("OUT-SOURCE"):
        derive.batch(tree[0], tree[2], output=tree[0], resume=True)


def test_an_archive_gets_reproducible_uids_only(tree):
    plan = {"rule": [{"steps": ["mip()"], "options": {"uids": "random"}}]}
    with raises_code("PLAN-UIDS"):
        derive.batch(tree[0], plan, output="ARCHIVE@127.0.0.1:1")
