"""What a key of a query matches, what a UID is, and that what is found names nobody."""

from __future__ import annotations

import pytest

from derive.pacs.found import FoundSeries
from derive.pacs.matching import is_uid, matches


@pytest.mark.parametrize(
    ("key", "value", "vr", "wanted"),
    [
        ("", "x", "LO", True),
        ("*", "", "LO", True),
        ("A1", "A1", "SH", True),
        ("A1", "a1", "SH", False),
        ("doe^*", "Doe^Jane", "PN", True),
        ("T?2", "T12", "LO", True),
        ("T?2", "T2", "LO", False),
        ("a.c", "abc", "LO", False),
        ("1.2\\1.3", "1.3", "UI", True),
        ("1.2", "1.2.3", "UI", False),
        ("1.*", "1.2", "UI", False),
        ("20260101-20260131", "20260131", "DA", True),
        ("20260101-20260131", "20260201", "DA", False),
        ("-20260131", "20250101", "DA", True),
        ("20260101-", "20251231", "DA", False),
        ("20260101-", "", "DA", False),
        ("1000-1015", "101559.5", "TM", True),
        ("1000-1015", "101600", "TM", False),
        ("20260101", "20260101", "DA", True),
        ("DERIVED", "DERIVED\\PRIMARY", "CS", True),
    ],
)
def test_keys_match_as_the_standard_says(key, value, vr, wanted):
    assert matches(key, value, vr) is wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1.2.840.10008.1.1", True),
        ("1.0.3", True),
        ("1." + "1" * 62, True),
        ("1." + "1" * 63, False),
        ("1.02", False),
        ("", False),
        (".", False),
        ("..", False),
        ("1..2", False),
        ("1.2/../3", False),
        ("1.2\n", False),
        ("\u0661.\u0662", False),
    ],
)
def test_only_uids_are_uids(text, wanted):
    assert is_uid(text) is wanted


def test_what_is_found_shows_no_patient():
    found = FoundSeries("1.2", "1.3", "CT", 1, "Thorax of Doe", "PAT-1", 3)
    assert "Doe" not in repr(found)
    assert "PAT-1" not in repr(found)
