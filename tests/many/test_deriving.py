"""One series under one rule: always an outcome, and the same bytes as the derive command writes."""

from __future__ import annotations

import json

import pytest

from derive.many.deriving import derive_series
from derive.many.outcome import Ending, Outcome
from derive.many.plan import Plan
from tests.helpers.asserting import each
from tests.helpers.commands import run
from tests.helpers.killing import digests
from tests.helpers.source_files import save
from tests.helpers.sources import make_series

MOMENT = "2026-12-01T06:00:00"
OPTIONS = {"uids": "reproducible", "series_description": "smooth"}


def rule_of(steps=("gaussian_blur(sigma_mm=1)",), **rule):
    return Plan.of({"rule": [{"steps": list(steps), **rule}]}).rules[0]


@pytest.fixture
def series(tmp_path, monkeypatch):
    monkeypatch.setenv("DERIVE_TEST_KEY", "k" * 32)
    folder = tmp_path / "ct"
    folder.mkdir()
    for number, dataset in enumerate(make_series("CT", count=4)):
        save(dataset, folder / f"{number}.dcm")
    return folder


def test_a_rule_writes_what_the_command_writes(series, tmp_path):
    from datetime import datetime

    rule = rule_of(options={**OPTIONS, "timestamp": datetime.fromisoformat(MOMENT)})
    outcome = derive_series(rule, sorted(series.iterdir()), tmp_path / "out")
    flags = ["--uids", "reproducible", "--series-description", "smooth", "--timestamp", MOMENT, "-q"]
    assert run("gaussian-blur", series, "-o", tmp_path / "command", "--sigma-mm", 1, *flags) == 0
    assert outcome.ending is Ending.DONE
    assert outcome.files == ("IM00001.dcm", "IM00002.dcm", "IM00003.dcm", "IM00004.dcm")
    assert digests(tmp_path / "out") == digests(tmp_path / "command")


def test_an_outcome_goes_through_json(series, tmp_path):
    outcome = derive_series(rule_of(), [series], tmp_path / "out")
    assert outcome.seconds > 0
    assert outcome.facts["images"] == 4
    again = Outcome.from_json(json.loads(json.dumps(outcome.to_json())))
    assert again.to_json() == outcome.to_json()
    assert again.files == outcome.files


def test_what_is_refused_has_a_code_and_what_would_help(series, tmp_path):
    (series / "1.dcm").unlink()
    outcome = derive_series(rule_of(), [series], tmp_path / "out")
    assert (outcome.ending, outcome.code) == (Ending.REFUSED, "GEO-GAP")
    assert "rectify" in outcome.flag
    assert not (tmp_path / "out").exists()


def test_a_fault_that_nobody_expected_is_an_outcome_with_a_trace(series, tmp_path):
    step = "apply(function='tests.many.test_deriving:broken', code='Smoothing')"
    outcome = derive_series(rule_of([step]), [series], tmp_path / "out")
    assert outcome.code == "OP-FUNCTION"
    assert outcome.ending is Ending.REFUSED
    folder = tmp_path / "file"
    folder.write_text("in the way")
    outcome = derive_series(rule_of(), [series], folder / "out")
    assert (outcome.ending, outcome.code) == (Ending.FAILED, "OUT-WRITE")
    assert "Traceback" in outcome.trace or "File" in outcome.trace
    assert "trace" not in str(outcome)


def broken(values):
    raise KeyError(values)


def test_a_series_that_takes_too_long_is_given_up_and_leaves_nothing(series, tmp_path):
    outcome = derive_series(rule_of(), [series], tmp_path / "out", seconds=0)
    assert (outcome.ending, outcome.code) == (Ending.TIMED_OUT, "MANY-TIMEOUT")
    assert {p.name for p in tmp_path.iterdir()} == {"ct"}


def test_without_a_target_nothing_is_written(series, tmp_path):
    outcome = derive_series(rule_of(), [series], None)
    assert (outcome.ending, outcome.facts["made"]) == (Ending.PLANNED, 4)
    refused = derive_series(rule_of(["crop(from_mm=(1000, 0, 0), to_mm=(1010, 5, 5))"]), [series], None)
    assert refused.ending is Ending.REFUSED
    assert {p.name for p in tmp_path.iterdir()} == {"ct"}


def test_a_result_that_names_nobody_lies_in_its_folder(series, tmp_path):
    rule = rule_of(deidentify={"profile": "basic", "key_env": "DERIVE_TEST_KEY"})
    outcome = derive_series(rule, [series], tmp_path / "out")
    assert outcome.ending is Ending.DONE, outcome
    written = [(tmp_path / "out" / name).read_bytes() for name in each(outcome.files, 4)]
    assert not any(b"Doe" in data for data in written)
    assert {p.name for p in tmp_path.iterdir()} == {"ct", "out"}


def test_a_folder_that_is_not_empty_is_not_touched(series, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    for table in each([None, {"profile": "basic", "key_env": "DERIVE_TEST_KEY"}], 2):
        rule = rule_of(**({"deidentify": table} if table else {}))
        outcome = derive_series(rule, [series], tmp_path / "out")
        assert outcome.code == "OUT-EXISTS"
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine"]
