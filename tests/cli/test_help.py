"""Help pages and completion: every command has an example that it understands."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from derive.cli.main import _parser, examples, main

COMMANDS = sorted(next(a.choices for a in _parser()._actions if a.dest == "==SUPPRESS==" or a.choices))


def test_every_command_has_an_example_and_no_example_is_of_nothing():
    assert sorted(examples()) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_is_understood(command):
    words = shlex.split(examples()[command].partition(" > ")[0])
    assert words[:2] == ["derive", command]
    assert callable(_parser().parse_args(words[1:]).run)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_has_its_example_its_flags_and_the_exit_codes(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    page = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"example:\n  {examples()[command]}" in page
    assert "--json" in page
    assert "130 interrupted" in page


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
