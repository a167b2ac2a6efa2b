"""What chooses among stacks, volumes and frames on the command line."""

from __future__ import annotations

import json

import pytest

import derive
from derive.cli.main import main
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import AXIAL

SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))


@pytest.fixture
def echoes(tmp_path):
    """Two stacks of three echoes of four slices."""
    form = {"orientations": (AXIAL, SAGITTAL), "along": {"EffectiveEchoTime": (10.0, 20.0, 30.0)}, "slices": 4}
    path = tmp_path / "echoes.dcm"
    multi_frame("MR", **form).save_as(path, enforce_file_format=True)
    return path


def run(*words):
    return main([str(word) for word in words])


def test_stacks_are_listed_with_the_flag(echoes, tmp_path, capsys):
    assert run("gaussian-blur", echoes, "-o", tmp_path / "out", "--sigma-mm", 1) != 0
    said = capsys.readouterr().err
    assert "#1 axial (12 images" in said
    assert "#2 sagittal (12 images" in said
    assert "--stack N" in said


@pytest.mark.parametrize(
    ("chosen", "values"),
    [
        (("--stack", "sagittal"), (10.0, 20.0, 30.0)),
        (("--stack", 1, "--volume", 3, "--volume", 1), (10.0, 30.0)),
        (("--stack", "#2", "--where", "EchoTime=20"), ()),
        (("--where", "EffectiveEchoTime=30", "--stack", 2), ()),
        (("--frames", "1-4,9-12"), (10.0, 30.0)),
    ],
)
def test_what_is_chosen_is_derived(chosen, values, echoes, tmp_path, capsys):
    assert run("gaussian-blur", echoes, "-o", tmp_path / "out", "--sigma-mm", 1, *chosen) == 0
    result = derive.read(tmp_path / "out")
    assert len(result.volumes) == max(1, len(values))
    assert tuple(v for d in result.dimensions for v in d.values) == values


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        (("--stack", 3), "SRC-STACK"),
        (("--stack", 1, "--volume", 4), "SRC-CHOICE"),
        (("--where", "EchoTime=25"), "SRC-CHOICE"),
        (("--frames", "20-30"), "SRC-CHOICE"),
        (("--frames", "x"), "OPT-CHOICE"),
        (("--where", "NoKeyword=1"), "OPT-CHOICE"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_written(chosen, code, echoes, tmp_path, capsys):
    assert run("gaussian-blur", echoes, "-o", tmp_path / "out", "--sigma-mm", 1, *chosen) != 0
    assert code in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_inspect_gives_stacks_and_volumes_to_programs(echoes, capsys):
    assert run("inspect", echoes, "--json") == 0
    (stack,) = json.loads(capsys.readouterr().out)["stacks"]
    assert [(p["name"], p["volumes"], p["slices"], p["choose"]) for p in stack["parts"]] == [
        ("axial", 3, 4, "--stack 1"),
        ("sagittal", 3, 4, "--stack 2"),
    ]
    assert stack["parts"][0]["dimensions"] == [{"keyword": "EchoTime", "values": [10.0, 20.0, 30.0], "units": "ms"}]
