"""Help pages and completion: every command has an example that it understands."""

from __future__ import annotations

import dataclasses
import shlex
import shutil
import subprocess

import pytest

from derive.cli.commands import commands, parser_of_all
from derive.cli.converting import FIELDS
from derive.cli.flags import flag_of
from derive.cli.main import main
from derive.conversion.options import Conversion
from derive.model.algorithm import Algorithm
from tests.helpers.asserting import each


def example_of(command: str) -> str:
    parser = parser_of_all()[1][command]
    parser.fill()
    return parser.epilog.splitlines()[1].strip()


COMMANDS = [c.command for c in commands()]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_is_understood(command):
    words = shlex.split(example_of(command).partition(" > ")[0])
    assert words[:2] == ["derive", command]
    assert callable(parser_of_all()[0].parse_args(words[1:]).run)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_has_its_example_its_flags_and_the_exit_codes(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    page = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"example:\n  {example_of(command)}" in page
    assert "--json" in page
    assert "130 interrupted" in " ".join(page.split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_is_a_script_that_knows_commands_and_flags(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "gaussian-blur" in script
    assert "sigma-mm" in script
    program = shutil.which(shell)
    if program and shell != "tcsh":
        assert (
            subprocess.run([program, "-n"], input=script, text=True, capture_output=True, check=False).returncode == 0
        )


def test_every_field_of_a_conversion_has_a_flag_with_its_default_and_words():
    parser = parser_of_all()[1]["convert"]
    parser.fill()
    flags = {a.dest: a for a in parser._actions}
    assert each(f.name for f in dataclasses.fields(Algorithm)) == ["name", "version", "manufacturer", "digest"]
    assert {f"algorithm_{f.name}" for f in dataclasses.fields(Algorithm)} < flags.keys()
    for field in each(f for f in dataclasses.fields(Conversion) if f.name != "algorithm"):
        action = flags[flag_of(field.name, FIELDS[field.name])[1]]
        assert action.default == field.default
        assert action.help
