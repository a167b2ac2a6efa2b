"""An operation is one file: put into a package it is found, and everything else follows from its declaration."""

from __future__ import annotations

import importlib
import inspect
import re
import sys

import numpy as np
import pydicom
import pytest

import codes
import derive
from derive.cli.main import main
from derive.model.volume import Volume
from derive.operations import REGISTRY, Operation, discover
from tests.helpers.contract import keeps_contract
from tests.helpers.sources import make_series
from tests.helpers.volumes import make_geometry, make_volume

PACKAGE = '''"""Operations of somebody's own."""

import sys

from derive.operations import discover

globals().update(discover(sys.modules[__name__]))
'''
FILE = '''"""Values cut off."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.volume import Array, Volume
from derive.operations.declaration import operation


@operation(
    "EdgeEnhancement",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    trial=lambda geometry: {"limit": 1000.0},
    example={"limit": 100, "side": "below"},
)
def cut_off(volume: Volume, *, limit: float, side: Literal["above", "below"] = "above") -> Volume:
    """Cut off what is above a limit, or below it.

    Parameters
    ----------
    volume : Volume
    limit : float
        Largest value, or smallest, in the units of the source.
    side : {"above", "below"}
        What is cut off.
    """
    cut = np.minimum if side == "above" else np.maximum

    def pull(first: int, last: int) -> Array:
        return cut(volume.slab(first, last), np.float32(limit))

    return replace(volume, pull=pull, value_range=None)
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with that one file, imported; nothing of it is left behind."""
    folder = tmp_path / "somebodys_operations"
    folder.mkdir()
    (folder / "__init__.py").write_text(PACKAGE)
    (folder / "cutting.py").write_text(FILE)
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(REGISTRY)
    yield importlib.import_module(folder.name)
    for name in [n for n in sys.modules if n.partition(".")[0] == folder.name]:
        del sys.modules[name]
    REGISTRY.clear()
    REGISTRY.update(before)


@pytest.fixture
def ct(tmp_path):
    """A folder with a CT series."""
    folder = tmp_path / "ct"
    folder.mkdir()
    for k, dataset in enumerate(make_series("CT")):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


def test_it_is_found_and_is_a_python_call_with_the_signature_of_its_function(package):
    assert discover(package) == {"cut_off": REGISTRY["cut_off"]}
    assert list(REGISTRY) == sorted(REGISTRY)
    assert package.cut_off is REGISTRY["cut_off"]
    signature = inspect.signature(package.cut_off)
    assert str(signature).startswith("(*, limit: float, side: Literal['above', 'below'] = 'above')")
    assert signature.return_annotation is Operation
    assert package.cut_off.__name__ == "cut_off"
    assert package.cut_off.__doc__.startswith("Cut off what is above a limit")
    operation = package.cut_off(limit=100.0)
    assert str(operation) == "cut_off(limit=100, side='above')"
    volume = make_volume(make_geometry())
    np.testing.assert_array_equal(operation(volume).array, np.minimum(volume.array, 100))


def test_it_is_a_sub_command_with_flags_and_help(package, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["cut-off", "--help"])
    page = capsys.readouterr().out
    assert ended.value.code == 0
    assert "Cut off what is above a limit, or below it." in page
    assert "--limit FLOAT" in page
    assert "Largest value, or smallest, in the units of the source" in page
    assert "--side {above,below}" in page
    assert "derive cut-off ct/ -o out/ --limit 100 --side below" in page


def test_what_it_makes_is_described_checked_and_computed_again(package, ct, tmp_path):
    assert main(["cut-off", str(ct), "-o", str(tmp_path / "out"), "--limit", "50", "--side", "below"]) == 0
    (first, *_) = sorted((tmp_path / "out").glob("*.dcm"))
    dataset = pydicom.dcmread(first)
    assert dataset.DerivationDescription == "cut_off(limit=50, side='below')"
    assert dataset.DerivationCodeSequence[0].CodeValue == codes.context_group(7203).find("EdgeEnhancement").value
    assert derive.read(tmp_path / "out").value("ImageType")[0] == "DERIVED"
    assert derive.check(tmp_path / "out").ok()
    assert derive.verify(tmp_path / "out", ct).same


def test_inspect_tries_it(package, ct):
    (stack,) = derive.inspect(ct).stacks
    assert stack.operations["cut_off"].ok
    assert stack.operations["cut_off"].tried == "cut_off(limit=1000, side='above')"


def test_it_keeps_the_contract(package):
    """The helper asserts."""
    kind = REGISTRY["cut_off"]
    keeps_contract(kind, {"limit": 1000.0}, {"limit": -2000.0, "side": "below"})


def test_the_contract_finds_what_is_not_kept(package):
    def hasty(volume: Volume, *, limit: float = 0.0) -> Volume:
        """Parameters
        ----------
        """
        return volume.with_array(np.array(volume.array))

    declared = REGISTRY["cut_off"]
    kind = type(declared)(hasty, declared.code, declared.geometry_effect, declared.values_effect)
    with pytest.raises(AssertionError, match="computed too early"):
        keeps_contract(kind, {})


@pytest.mark.parametrize("kind", REGISTRY.values(), ids=lambda k: k.name)
def test_every_call_shows_its_parameters(kind):
    parameters = inspect.signature(kind).parameters
    assert list(parameters) == list(inspect.signature(kind.function).parameters)[1:]
    named = [p.kind for name, p in parameters.items() if name not in kind.others]
    assert set(named) <= {inspect.Parameter.KEYWORD_ONLY}
    assert kind.__doc__ == re.sub(
        r"^ *(volume : Volume|volumes : Volumes)\n", "", kind.function.__doc__, count=1, flags=re.M
    )
    assert kind.__annotations__.keys() == {*parameters, "return"}


def test_resample_shows_what_it_takes():
    assert list(inspect.signature(derive.operations.resample).parameters) == [
        "spacing_mm",
        "reference",
        "interpolator",
        "fill",
    ]
