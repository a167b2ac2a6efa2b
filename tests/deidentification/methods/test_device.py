"""AE titles under Retain Device Identity: told apart still, and found by nobody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.methods import OTHER_KEY, run_with, value_of

TITLES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=1, max_size=16)


@given(TITLES, TITLES)
def test_devices_are_told_apart_and_the_same_one_keeps_its_name(one: str, other: str) -> None:
    new, again, another = (value_of("cleanDevice", "StationAETitle", "AE", title) for title in (one, one, other))
    assert new == again
    assert (new == another) == (one == other)
    assert new is not None
    assert new != one
    assert 0 < len(new) <= 16


def test_each_of_several_titles_has_its_own_and_an_empty_one_stays_empty() -> None:
    single = value_of("cleanDevice", "RetrieveAETitle", "AE", "CT1")
    assert value_of("cleanDevice", "RetrieveAETitle", "AE", "CT1\\CT1") == f"{single}\\{single}"
    assert value_of("cleanDevice", "RetrieveAETitle", "AE", "") == ""


def test_without_the_key_nobody_finds_the_title() -> None:
    said = [value_of("cleanDevice", "StationAETitle", "AE", "CT1", run=run_with(key)) for key in ("x" * 32, OTHER_KEY)]
    assert said[0] != said[1]
