"""Pages of help: where to start, what there is, and codes."""

from __future__ import annotations

import json

import pytest

from derive.cli.commands import commands
from derive.cli.main import main
from tests.helpers.asserting import each


def shown(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


def test_alone_it_says_where_to_start(capsys):
    code, out, err = shown([], capsys)
    assert (code, out) == (2, "")
    assert "derive demo out/" in err
    assert shown(["-h"], capsys) == (0, err, "")
    assert shown(["--help"], capsys) == (0, err, "")
    assert main(["help"]) == 0
    assert capsys.readouterr().out == err


def test_every_command_stands_in_a_group(capsys):
    _, out, _ = shown(["--help"], capsys)
    lines = out.splitlines()
    for command in each(commands(), 15):
        assert any(line.startswith(f"  {command.command} ") for line in lines)
        assert command.group in lines
    for title in ("start here", "make", "bring in and out", "archive", "look", "example"):
        assert lines.count(title) == 1


@pytest.mark.parametrize("columns", [50, 80, 200])
def test_lines_fit_the_terminal(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    _, out, _ = shown(["--help"], capsys)
    assert max(map(len, out.splitlines())) <= min(columns, 102)


def test_help_of_a_command_is_its_page(capsys):
    code, page, _ = shown(["convert", "--help"], capsys)
    assert code == 0
    assert main(["help", "convert"]) == 0
    assert capsys.readouterr().out == page
    assert main(["help", "conver"]) == 2
    assert "did you mean convert" in capsys.readouterr().err
    assert main(["help", "convert", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["commands"][0]["group"] == "bring in and out"


def test_a_command_without_anything_says_what_is_missing_and_an_example(capsys):
    code, out, err = shown(["resample"], capsys)
    assert (code, out) == (2, "")
    assert "missing: SOURCE, --output FOLDER" in err
    assert "example: derive resample ct/ -o out/ --spacing-mm" in err
    assert "derive help resample" in err


@pytest.mark.parametrize(
    ("text", "keyword"),
    [("smooth", "Smoothing"), ("113088", "GaussianBlur"), ("mask image", "MaskImageForImageProcessingOperation")],
)
def test_a_code_is_found_by_its_value_its_keyword_and_its_meaning(text, keyword, capsys):
    assert main(["codes", text]) == 0
    assert keyword in capsys.readouterr().out
    assert main(["codes", text, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["schema"] == "derive-codes/1"
    assert keyword in [code["keyword"] for code in listed["codes"]]


def test_all_codes_are_of_the_groups_and_the_units(capsys):
    assert main(["codes", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["codes"]
    groups = {code["group"].split()[1] for code in found if code["group"].startswith("CID")}
    assert groups == {"7203", "7202", "83"}
    assert {"BQML", "HU"} <= {code["value"] for code in found}


def test_what_no_code_holds_is_told_with_what_is_near(capsys):
    assert main(["codes", "smoothng"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "did you mean Smoothing?" in printed.err
