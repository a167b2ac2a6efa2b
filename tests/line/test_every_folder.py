"""The commands that look, on every folder of the real data: no traceback, and JSON as the schemas say."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from derive.cli.main import main
from tests.conftest import DATA

FOLDERS = sorted(p.name for p in DATA.iterdir() if p.is_dir()) if DATA.exists() else ["none"]
#: Exit codes of a refusal that is on purpose, and of findings.
ALLOWED = {0, 1, 2, 3, 4, 5}
COMMANDS = {
    "inspect": ["inspect", "SOURCE"],
    "explain": ["explain", "SOURCE"],
    "diff": ["diff", "SOURCE", "SOURCE"],
    "check": ["check", "SOURCE"],
    "show": ["show", "SOURCE", "-o", "PICTURE"],
    "verify": ["verify", "SOURCE"],
}


def schema(name: str) -> dict[str, object]:
    return json.loads(files("derive.cli").joinpath(f"schemas/{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", FOLDERS)
def test_a_command_on_a_folder(name, command, real, tmp_path, capsys):
    places = {"SOURCE": str(real(name)), "PICTURE": str(tmp_path / "picture.png")}
    code = main([*(places.get(word, word) for word in COMMANDS[command]), "--json"])
    printed = capsys.readouterr()
    assert code in ALLOWED
    said = json.loads(printed.out)
    if said["schema"] == "derive-error/1":
        assert said["error"]["exit_code"] == code
        assert said["error"]["code"] != "BUG"
    else:
        jsonschema.validate(said, schema(command), cls=jsonschema.Draft202012Validator)
    if command == "show" and code == 0:
        assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "path", sorted(Path(str(files("derive.cli").joinpath("schemas"))).iterdir()), ids=lambda p: p.stem
)
def test_a_schema_is_one(path):
    """The library raises what is wrong with it."""
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))
