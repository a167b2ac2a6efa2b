"""Reports: of a run that did not end too, as text and as a page that a real browser shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from derive.cli.main import main
from derive.many import batch as room
from derive.many.outcome import Ending, Outcome
from derive.many.report import ReportFile, summary_of
from tests.helpers.asserting import each, raises_code
from tests.helpers.commands import run


@pytest.fixture(scope="module")
def told(tree, tmp_path_factory):
    """A run by the command line, and its report."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "has_dask", lambda: False)
        words = ["batch", tree[2], "--input", tree[0], "-o", folder / "out", "--report", folder / "run.jsonl", "-q"]
        assert run(*words) == 8
    return folder


def test_the_command_says_what_became_of_everything(told, capsys):
    assert main(["batch-report", str(told / "run.jsonl")]) == 8
    said = capsys.readouterr().out
    assert "9 done, 1 skipped, 2 refused" in said
    assert "GEO-GAP" in said
    assert "VAL-TRUNCATED" in said
    assert main(["batch-report", str(told / "run.jsonl"), "--json"]) == 8
    assert json.loads(capsys.readouterr().out)["counts"]["done"] == 9


def test_a_page_opens_in_a_browser_and_needs_nothing_else(told, tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    page = tmp_path / "report.html"
    assert run("batch-report", told / "run.jsonl", "--html", page, "--thumbnails", told / "out", "-q") == 8
    text = page.read_text(encoding="utf-8")
    assert "http" not in re.sub(r"base64,[^\"]*", "", text)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    shown = subprocess.run(
        [chromium, *flags, page.as_uri()], capture_output=True, text=True, check=True, timeout=240
    ).stdout
    assert shown.count('class="pair"') == 9
    assert shown.count("<img") == 18
    cells = re.findall(r"<td>(?:<span[^>]*></span>)?([^<]*)</td>", shown)
    assert {"done", "refused", "CT and PET", "MR"} <= set(cells)
    assert "GEO-GAP" in shown


def test_a_page_names_no_patient(told, tmp_path):
    page = tmp_path / "report.html"
    assert run("batch-report", told / "run.jsonl", "--html", page, "-q") == 8
    text = page.read_text(encoding="utf-8")
    assert [name for name in each(["Doe", "Jane", "P0000"], 3) if name in text] == []


def test_a_report_whose_run_was_killed_is_read_as_far_as_it_goes(told, tmp_path):
    torn = tmp_path / "torn.jsonl"
    data = (told / "run.jsonl").read_text().splitlines(keepends=True)
    torn.write_text("".join(data[:4]) + data[4][:20])
    found = summary_of(torn)
    assert sum(found.counts.values()) == 3
    assert found.ended == ""
    assert found.lasted_s is None


def test_what_is_no_report_is_neither_read_nor_replaced(tmp_path):
    mine = tmp_path / "mine.jsonl"
    mine.write_text('{"a": 1}\n')
    with raises_code("MANY-REPORT"):
        summary_of(mine)
    with raises_code("OUT-FOREIGN"):
        ReportFile(mine)
    with raises_code("SRC-MISSING"):
        summary_of(tmp_path / "missing.jsonl")
    assert mine.read_text() == '{"a": 1}\n'


def test_texts_of_outcomes_are_no_markup(tmp_path):
    with ReportFile(tmp_path / "run.jsonl") as report:
        report.add(Outcome(Ending.FAILED, "1.2", "<b>rule</b>", "X-<i>", "a <script>", trace="<pre>"))
        report.end()
    page = tmp_path / "report.html"
    assert run("batch-report", tmp_path / "run.jsonl", "--html", page, "-q") == 8
    text = page.read_text()
    assert "<script>" not in text
    assert "<b>rule" not in text
    assert "&lt;script&gt;" in text
