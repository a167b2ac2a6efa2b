"""Flags stand anywhere: however a line is ordered, it says the same; and what is mistyped is told what was meant."""

from __future__ import annotations

import argparse
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.cli.commands import commands, parser_of_all
from derive.cli.main import main
from tests.helpers.asserting import each

COMMANDS = [c.command for c in commands()]
PLACES = {"command": ["convert"], "shell": ["bash"], "text": ["smooth"]}
#: A value that each kind of flag understands.
TEXTS = {
    "set": "KVP=-120",
    "timestamp": "2026-11-21T09:30:00",
    "parameters": "k=v",
    "assume": "Units=BQML",
    "where": "EchoTime=20",
    "quantity_item": "MeasurementMethod=DCM:1:One",
    "b": "0,1000",
    "at": "50,200",
    "echoes_ms": "20,40",
    "weights": "3,1",
}


WHOLE, PARSERS = parser_of_all()


def parser(command):
    found = PARSERS[command]
    found.fill()
    return found


def values_of(action):
    """Words that a flag takes; of several numbers some are negative."""
    if action.nargs == 0:
        return []
    if action.nargs == "?" or action.choices:
        return [str(next(iter(action.choices or [2])))]
    if isinstance(action.nargs, int):
        return ["-1.5", "2", "-1e-3"][: action.nargs]
    if action.nargs == "+":
        words = {"axis": "head-feet"}.get(action.dest, "LPS")
        return ["0.8", ".8", "2"] if action.type is float else ["4", "5", "6"] if action.type is int else [words]
    if action.type in (int, float):
        return ["-3"]
    return [TEXTS.get(action.dest, "-7" if getattr(action.type, "__name__", "") in ("float", "int") else "some/text")]


def chunks_of(command):
    """Flags with their values, and the words that belong to none."""
    found = parser(command)
    seen, flags = set(), []
    for action in found._actions:
        if action.option_strings and action.dest not in {*seen, "help"}:
            seen.add(action.dest)
            flags.append([action.option_strings[0], *values_of(action)])
    places = [a for a in found._actions if not a.option_strings]
    words = [
        w for a in places for w in PLACES.get(a.dest, [f"{a.dest}1/", f"{a.dest}2/"] if a.nargs == "+" else [a.dest])
    ]
    return flags, words


def parsed(command, words):
    return vars(WHOLE.parse_args([command, *words]))


def shuffled(draw, command):
    flags, words = chunks_of(command)
    chosen = draw(st.lists(st.sampled_from(flags), unique_by=lambda chunk: chunk[0]))
    needed = [f for f in flags if f[0] in {n for a in parser(command)._actions if a.required for n in a.option_strings}]
    chunks = [*chosen, *(f for f in needed if f not in chosen)]
    joined = [[f"{c[0]}={c[1]}"] if len(c) == 2 and draw(st.booleans()) else c for c in chunks]
    order = draw(st.permutations([*joined, *([None] * len(words))]))
    rest = iter(words)
    line = [w for chunk in order for w in (chunk or [next(rest)])]
    return line, [*itertools.chain(*chunks), "--", *words]


@pytest.mark.parametrize("command", COMMANDS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_order_says_the_same(command, data):
    line, plain = shuffled(data.draw, command)
    ours, reference = parsed(command, line), parsed(command, plain)
    for said in (ours, reference):
        said.pop("default_of", None)
    assert ours == reference, line


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_taken_by_itself(command):
    flags, words = chunks_of(command)
    needed = [f for f in flags if f[0] in {n for a in parser(command)._actions if a.required for n in a.option_strings}]
    for flag in each(flags):
        rest = [w for f in needed if f != flag for w in f]
        first, last = parsed(command, [*flag, *words, *rest]), parsed(command, [*words, *rest, *flag])
        for said in (first, last):
            said.pop("default_of", None)
        assert first == last, flag


LINES = [
    (["resample", "--spacing-mm", "2", "ct/", "-o", "out/"], {"spacing_mm": [2.0], "source": ["ct/"]}),
    (["resample", "--spacing-mm", "0.8", "0.8", "2", "ct/", "-o=out"], {"spacing_mm": [0.8, 0.8, 2.0]}),
    (["resample", "a", "--spacing-mm", "2", "b", "-oout", "c"], {"source": ["a", "b", "c"], "output": "out"}),
    (["resample", "--fill", "-1e3", "ct", "-o", "x"], {"fill": -1000.0, "source": ["ct"]}),
    (["resample", "-o", "x", "--", "--odd", "-name"], {"source": ["--odd", "-name"]}),
    (["--json", "mip", "ct", "-o", "x"], {"json": True, "source": ["ct"]}),
    (["mip", "-qv", "ct", "-o", "x"], {"quiet": True, "verbose": True}),
    (["mip", "--rotate", "8", "--axis", "head-feet", "ct", "-o", "x"], {"axis": "head-feet", "source": ["ct"]}),
    (["mip", "--axis", "0", "-.6", "0.8", "ct", "-o", "x"], {"axis": (0.0, -0.6, 0.8), "source": ["ct"]}),
    (["reformat", "--normal", "0", "-0.7", ".7", "ct", "-o", "x"], {"normal": [0.0, -0.7, 0.7], "source": ["ct"]}),
    (["apply", "--param", "k=v", "ct", "--param", "n=-2", "--function", "m:f", "--code", "Smoothing", "-o", "x"],
     {"parameters": [("k", "v"), ("n", -2)], "source": ["ct"]}),
    (["convert", "--shape", "4", "5", "6", "v.raw", "--dtype", "int16", "-o", "x"], {"shape": [4, 5, 6]}),
    (["convert", "--orientation", "LPS", "v.npy", "-o", "x"], {"orientation": ["LPS"], "source": ["v.npy"]}),
    (["convert", "--orientation", "1", "0", "0", "0", "-1", "0", "v.npy", "-o", "x"],
     {"orientation": ["1", "0", "0", "0", "-1", "0"], "source": ["v.npy"]}),
    (["convert", "--origin-mm", "-1", "-2.5", "-3e1", "v.npy", "-o", "x"], {"origin_mm": [-1.0, -2.5, -30.0]}),
    (["show", "--window", "-160", "240", "ct", "-o", "p.png"], {"window": [-160.0, 240.0], "source": ["ct"]}),
    (["explain", "--sources", "a", "out/", "--sources", "b"], {"sources": ["a", "b"], "source": ["out/"]}),
    (["send", "--verify", "out/", "PACS"], {"verify": "instances", "source": ["out/"], "archive": "PACS"}),
    (["send", "out/", "--verify", "pixels", "more/", "PACS"], {"verify": "pixels", "source": ["out/", "more/"]}),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), LINES, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_a_line_as_people_write_it(words, said):
    found = vars(WHOLE.parse_args(words))
    assert {name: found[name] for name in said} == said


SLIPS = [
    (["resmaple", "ct"], "'resmaple' is no command; did you mean resample?"),
    (["resample", "ct", "-o", "x", "--spacing", "2"], "--spacing is no flag; flags are written in full: --spacing-mm"),
    (["resample", "ct", "-o", "x", "--spacingmm", "2"], "there is no flag --spacingmm; did you mean --spacing-mm?"),
    (["resample", "ct", "-overwrite"], "did you mean --overwrite?"),
    (["resample", "ct", "-o", "x", "\N{EN DASH}-spacing-mm", "2"], "begins with a typographic dash"),
    (["resample", "ct", "-o", "x", "--spacing-mm", "1", "2"], "expected one length or x y z, got 2"),
    (["resample", "ct", "-o", "x", "--spacing-mm"], "--spacing-mm needs a number, MM"),
    (["resample", "ct", "-o", "x", "--spacing-mm", "fine"], "--spacing-mm needs a number, MM, not 'fine'"),
    (["resample", "ct", "-o"], "--output needs FOLDER"),
    (["resample", "ct", "-o", "--overwrite"], "--output needs FOLDER, not '--overwrite'"),
    (["resample", "ct", "-o", "x", "-o", "y"], "--output is given twice, as x and y"),
    (["resample", "ct", "-o", "x", "--overwrite=yes"], "--overwrite takes no value"),
    (["resample", "-o", "x"], "missing: SOURCE"),
    (["bilateral"], "missing: SOURCE, --output FOLDER, --sigma-values FLOAT"),
    (["mip", "ct", "-o", "x", "--plane", "coronel"], "not 'coronel'; did you mean coronal?"),
    (["mip", "ct", "-o", "x", "--jobs", "two"], "--jobs: 'two' is no number"),
    (["mip", "ct", "-o", "x", "--set", "KVP"], "'KVP' is not KEYWORD=VALUE"),
    (["completion", "bsh"], "did you mean bash or zsh?"),
    (["diff", "a", "b", "c"], "'c' is one too many"),
    (["--json"], "needs a command"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "told"), SLIPS, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_what_is_mistyped_is_told_what_was_meant(words, told, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert told in " ".join(printed.err.split())
    assert printed.out == ""
    assert len(printed.err.splitlines()) < 8
    assert "argument" not in printed.err


def test_a_folder_that_is_no_command_is_told_what_to_do_with_it(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert f"derive inspect {tmp_path}" in " ".join(capsys.readouterr().err.split())


def test_no_flag_takes_a_word_that_may_be_a_source():
    """A flag of several values would swallow the sources behind it, unless they are numbers."""
    for command in each(COMMANDS):
        for action in parser(command)._actions:
            if action.option_strings and action.nargs in ("+", "*", argparse.REMAINDER):
                one_word = action.dest in ("orientation", "frame_times", "axis")
                assert action.type in (int, float) or one_word, (command, action.dest)
