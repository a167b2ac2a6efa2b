"""What a user's function makes: never HU where it cannot be, and its parameters as they were typed."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.cli.flags import key_value
from derive.model.derivation import Typed, text_of
from derive.operations import apply, gaussian_blur
from tests.helpers.asserting import raises_code
from tests.helpers.sources import make_series

MASKS = {
    "VAL-MASK": lambda values: values > 0,
    "VAL-UNSIGNED": lambda values: (values > 0).astype(np.uint8),
    "VAL-HU": lambda values: (values > 0).astype(np.float32),
}


@pytest.fixture
def ct():
    return derive.read(make_series("CT"))


@pytest.mark.parametrize("code", MASKS)
@pytest.mark.parametrize("halo", [None, 0])
def test_a_mask_never_becomes_hu(ct, code, halo, tmp_path):
    mask = apply(function=MASKS[code], code="Smoothing", halo_slices=halo)
    for steps in ((mask,), (mask, gaussian_blur(sigma_mm=1.0))):
        with raises_code(code):
            derive.build(ct, *steps).write(tmp_path / "out")
        assert not (tmp_path / "out").exists()
    with raises_code(code):
        derive.build(ct, MASKS[code], code="Smoothing").write(tmp_path / "out")


@pytest.mark.parametrize("code", MASKS)
def test_a_mask_is_what_a_person_says(ct, code, tmp_path):
    report = derive.build(ct, apply(function=MASKS[code], code="Smoothing", units="1")).write(tmp_path / "out")
    assert report.units == "1"
    assert derive.read(tmp_path / "out").text("RescaleType") == "US"


@pytest.mark.parametrize(
    ("typed", "value", "record"),
    [
        ("2.10", 2.1, "2.10"),
        ("1e3", 1000.0, "1e3"),
        ("+5", 5, "+5"),
        (".5", 0.5, ".5"),
        ("007", "007", "007"),
        ("NaN", "NaN", "NaN"),
        ('"2.10"', "2.10", "2.10"),
        ("[1, 2.10]", [1, 2.1], "[1, 2.10]"),
        ("abc", "abc", "abc"),
        ("3", 3, 3),
        ("1.5", 1.5, 1.5),
        ("True", True, True),
        ("False", False, False),
        ("true", True, True),
        ("[1,2]", [1, 2], [1, 2]),
    ],
)
def test_the_record_has_what_was_typed_and_the_function_what_it_means(ct, typed, value, record, tmp_path):
    got = []

    def function(values, version):
        got.append(version)
        return values

    name, found = key_value(f"version={typed}")
    step = apply(function=function, code="Smoothing", parameters={name: found})
    report = derive.build(ct, step).write(tmp_path / "out")
    assert got[0] == value
    assert type(got[0]) is type(value)
    assert report.to_json()["steps"][0]["parameters"]["parameters"] == {"version": record}
    assert f"'version': {text_of(record)}" in derive.read(tmp_path / "out").text("DerivationDescription")
    assert isinstance(found, Typed) == (not isinstance(value, str) and record != value)
