"""Profiles by name, and their options."""

from __future__ import annotations

import pytest

from derive.deidentification.profile.profile import options, profile_of
from tests.helpers.asserting import each, every, raises_code


def test_the_options_of_dcm4chee_are_those_of_the_standard() -> None:
    """``deidentify:A,B`` is a base with options, under other names."""
    profile = profile_of("deidentify:RetainDeviceIdentityOption,RetainUIDsOption")
    assert (profile.base, profile.options) == ("basic", ("device-identity", "uids"))


def test_every_option_is_known_by_its_name() -> None:
    """Each behind a base, and under the flag of its kind."""
    for row in each(options().values(), 12):
        assert every(profile_of(f"basic+{spelling}").has(row.name) for spelling in filter(None, row.spellings))
        assert profile_of(**{row.kind: [row.name]}).has(row.name)  # type: ignore[arg-type]  # by name of the kind


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"text": "basicc"}, "DEID-PROFILE"),
        ({"text": "basic+devise-identity"}, "DEID-OPTION"),
        ({"text": "anonymize:RetainUIDsOption"}, "DEID-PROFILE"),
        ({"text": "dcm4chee:safe-private"}, "DEID-OPTION"),
        ({"text": "basic+keep-all"}, "DEID-PROFILE"),
        ({"retain": ["pixels"]}, "DEID-OPTION"),
        ({"clean": ["uids"]}, "DEID-OPTION"),
        ({"edition": "2019a"}, "DEID-PROFILE"),
        ({"dialect": "orthanc"}, "DEID-PROFILE"),
        ({"retain": ["full-dates", "modified-dates"]}, "DEID-DATES"),
    ],
)
def test_what_is_none_is_said(said: dict[str, object], code: str) -> None:
    """Before anything is read."""
    with raises_code(code):
        profile_of(**said)  # type: ignore[arg-type]  # what a careless caller gives
