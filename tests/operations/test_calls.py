"""Calls of operations as people write them: what works, and what the others are told."""

from __future__ import annotations

import inspect
import pydoc
import re

import numpy as np
import pytest

import derive
from derive.operations import REGISTRY, OperationKind, gaussian_blur, mip
from tests.helpers.asserting import each, raises_code

KINDS = sorted(REGISTRY)
#: What takes other series takes them in place of a parameter.
ALONE = [name for name in KINDS if not REGISTRY[name].others]


def required(kind: OperationKind) -> list[str]:
    return [p.name for p in kind.signature.parameters.values() if p.default is p.empty]


def outcome(ct, step) -> str:
    """What was done, or why it was not: one of several parameters is needed, say."""
    try:
        return derive.build(ct, step).derivation.description
    except derive.UsageError as refused:
        return str(refused)


@pytest.mark.parametrize("name", KINDS)
def test_help_shows_every_parameter_and_no_volume(name):
    kind = REGISTRY[name]
    shown = pydoc.plain(pydoc.render_doc(kind))
    for parameter in each(kind.signature.parameters):
        assert re.search(rf"^ *{parameter} : ", shown, re.M), f"{parameter} is not shown"
    assert "volume : Volume" not in shown
    assert list(inspect.signature(kind).parameters) == list(kind.signature.parameters)


@pytest.mark.parametrize("name", ALONE)
def test_a_number_without_its_name_is_told_its_name(name):
    kind = REGISTRY[name]
    with raises_code("OP-PARAMETER") as refused:
        kind(1)
    first = next(iter(kind.signature.parameters))
    assert f"did you mean {name}({first}=1)?" in str(refused.value)


@pytest.mark.parametrize("name", ALONE)
def test_a_series_in_place_of_parameters_is_told_where_it_goes(name):
    ct = derive.demo_series()
    for wrong in each([ct, ct.volume, np.asarray(ct)]):
        with raises_code("OP-PARAMETER") as refused:
            REGISTRY[name](wrong)
        assert f"derive.build(source, {name}(" in str(refused.value)


@pytest.mark.parametrize("name", KINDS)
def test_a_misspelt_parameter_is_told_the_nearest(name):
    kind = REGISTRY[name]
    for known in each(kind.signature.parameters):
        with raises_code("OP-PARAMETER") as refused:
            kind(**{f"{known}s": 1})
        assert f"no parameter {known}s; did you mean {known}?" in str(refused.value)


@pytest.mark.parametrize("name", KINDS)
def test_an_operation_without_its_parameters_is_a_step_or_says_what_it_needs(name):
    ct, kind = derive.demo_series(), REGISTRY[name]
    if not required(kind):
        assert outcome(ct, kind) == outcome(ct, kind())
        assert "OP-PARAMETER" not in outcome(ct, kind)
        return
    with raises_code("OP-PARAMETER") as refused:
        derive.build(ct, kind)
    assert f"{name} needs {' and '.join(required(kind))}, as in {name}(" in str(refused.value)


def test_build_reads_what_is_no_series_yet(tmp_path):
    derive.build(derive.demo_series(), mip).write(tmp_path / "mip")
    files = sorted((tmp_path / "mip").iterdir())
    wanted = derive.build(derive.read(tmp_path / "mip"), gaussian_blur(sigma_mm=(1, 1, 0)))
    for source in each([str(tmp_path / "mip"), tmp_path / "mip", files]):
        found = derive.build(source, gaussian_blur(sigma_mm=(1, 1, 0)))
        assert found.derivation == wanted.derivation
        np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))


@pytest.mark.parametrize(
    ("code", "source", "step"),
    [
        ("SRC-MISSING", "nowhere", mip),
        ("SRC-INPUT", np.zeros((2, 3, 4)), mip),
        ("OP-STEP", None, 3),
        ("OP-STEP", None, "gaussian_blur"),
        ("OP-CODE", None, np.sin),
        ("OP-NONE", None, None),
    ],
)
def test_what_cannot_be_built_is_told_why(code, source, step):
    steps = [] if step is None else [step]
    with raises_code(code):
        derive.build(derive.demo_series() if source is None else source, *steps)


def test_the_names_of_the_package_are_its_public_ones():
    assert dir(derive) == sorted(derive.__all__)
    assert all(getattr(derive, name) is not None for name in each(dir(derive), 30))
