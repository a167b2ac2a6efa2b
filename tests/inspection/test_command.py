"""The command that inspects, and its findings by rule."""

from __future__ import annotations

import json
import re
from pathlib import Path

import derive
from derive.checking import Finding
from derive.checking.finding import grouped
from derive.inspection import inspect
from derive.told.progress import listening
from derive.told.wording import Language, speaking
from tests.helpers.asserting import every
from tests.helpers.commands import run as run_command
from tests.helpers.inspections import checked, other_series, saved
from tests.helpers.sources import make_series


def run(*words):
    return run_command("inspect", *words)


def test_the_command_prints_a_block_a_stack(tmp_path, capsys):
    saved(make_series("CT"), tmp_path / "a")
    saved(other_series(9), tmp_path / "b")
    assert run(tmp_path) == 0
    printed = capsys.readouterr()
    with speaking(Language.COMMAND_LINE):
        assert printed.out == f"{inspect(tmp_path)}\n"
    assert printed.err == ""
    assert re.findall(r"^#\d", printed.out, re.MULTILINE) == ["#1", "#2"]
    line = "ok              read, anisotropic-diffusion, apply, bilateral, clip, compress, crop, gaussian-blur"
    assert f"{line}, mean-projection," in printed.out


def test_the_command_prints_json(tmp_path, capsys):
    assert run(saved(make_series("CT"), tmp_path), "--json", "-q") == 0
    with speaking(Language.COMMAND_LINE):
        assert json.loads(capsys.readouterr().out) == checked(inspect(tmp_path))


def test_nothing_of_dicom_is_exit_code_3(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("hello")
    assert run(tmp_path) == 3
    assert "SRC-NONE" in capsys.readouterr().out


def test_the_command_tells_its_progress(tmp_path):
    made = []
    with listening(lambda stage, done, count: made.append((stage, done, count))):
        run(saved(make_series("CT"), tmp_path))
    assert made[-1] == ("inspecting", 6, 6)


# --- findings by rule ---------------------------------------------------------------------------------------------


def finding(file, path="Rows", severity="error", code="CHK-TYPE1", section="PS3.5 7.4.1", message="has no value"):
    return Finding(severity, code, path, "image-pixel", "type 1", section, message, file)


def test_findings_of_a_rule_are_one_line_with_the_count_of_files():
    (group,) = grouped(finding(f"{k}.dcm") for k in range(140))
    assert (group.code, group.severity, group.file_count, group.finding_count) == ("CHK-TYPE1", "error", 140, 140)
    assert group.first_files == ("0.dcm", "1.dcm", "2.dcm")
    assert str(group) == (
        "error CHK-TYPE1: Rows has no value (type 1, PS3.5 7.4.1): 140 files: 0.dcm, 1.dcm, 2.dcm and 137 more"
    )


def test_a_rule_with_several_attributes_says_what_it_is_and_names_them():
    keywords = ("Rows", "Columns", "BitsStored", "HighBit")
    (group,) = grouped(finding("a.dcm", k) for k in keywords)
    assert group.message == "an attribute that needs a value has none: Rows, Columns, BitsStored and 1 more"
    assert (group.file_count, group.finding_count) == (1, 4)
    assert str(group).endswith(": 1 file: a.dcm (4 findings)")


def test_errors_come_first_then_what_concerns_most_files_and_sections_stay_apart():
    found = [
        finding("a", severity="warning", code="CHK-FOV"),
        finding("a", section="PS3.3 C.7.6.2"),
        *(finding(n) for n in "ab"),
    ]
    assert [(g.severity, g.section, g.file_count) for g in grouped(found)] == [
        ("error", "PS3.5 7.4.1", 2),
        ("error", "PS3.3 C.7.6.2", 1),
        ("warning", "PS3.5 7.4.1", 1),
    ]
    assert grouped([]) == []


def test_no_finding_of_real_files_is_lost(real):
    findings = derive.check(real("pydicom_test_files")).findings
    groups = grouped(findings)
    assert sum(g.finding_count for g in groups) == len(findings)
    assert len(groups) < len(findings) / 4
    assert every("\n" not in str(g) for g in groups)
    assert Path(groups[0].first_files[0]).name
    assert json.dumps([g.to_json() for g in groups])
