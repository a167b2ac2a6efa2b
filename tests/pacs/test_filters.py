"""What people ask for becomes keys of a query: dates, ranges, levels."""

from __future__ import annotations

from datetime import date

import pytest

from derive.errors import UsageError
from derive.pacs.filters import date_range, keys_of, level_of
from tests.helpers.asserting import raises_code


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("20260131", "20260131"),
        ("2026-01-31", "20260131"),
        ("2026.01.31", "20260131"),
        ("202601", "20260101-20260131"),
        ("2024-02", "20240201-20240229"),
        ("2026", "20260101-20261231"),
        ("20260101-20260131", "20260101-20260131"),
        ("2026-01-01-2026-01-31", "20260101-20260131"),
        ("2026-01-01..2026-01-31", "20260101-20260131"),
        ("2026-01-01/2026-01-31", "20260101-20260131"),
        ("2025-2026", "20250101-20261231"),
        ("20260101-", "20260101-"),
        ("-20260131", "-20260131"),
        ("2026-01..", "20260101-"),
        ("..2026-01", "-20260131"),
        ("today", "20261130"),
        ("yesterday", "20261129"),
        ("yesterday-today", "20261129-20261130"),
        (" 20260131 ", "20260131"),
    ],
)
def test_dates_and_ranges_are_keys(text, key):
    assert date_range(text, date(2026, 11, 30)) == key


@pytest.mark.parametrize("text", ["", "-", "..", "20261301", "2026-02-30", "soon", "20260201-20260101", "2026*"])
def test_what_is_no_date_is_refused_with_the_forms(text):
    with raises_code("NET-FILTER", UsageError) as refused:
        date_range(text)
    assert refused.match("20260101-20260131")


def test_a_level_decides_which_attribute_is_meant():
    words = {"modality": "ct", "description": "*chest*", "date": "2026"}
    assert keys_of(words, "study") == {
        "ModalitiesInStudy": "CT",
        "StudyDescription": "*chest*",
        "StudyDate": "20260101-20261231",
    }
    assert keys_of(words, "series") == {
        "Modality": "CT",
        "SeriesDescription": "*chest*",
        "StudyDate": "20260101-20261231",
    }


@pytest.mark.parametrize(
    ("filters", "level"),
    [
        ({}, "study"),
        ({"patient_id": "1"}, "study"),
        ({"study_uid": "1.2"}, "series"),
        ({"series_uid": "1.2"}, "series"),
        ({"series_description": "x"}, "series"),
        ({"study_uid": ""}, "study"),
    ],
)
def test_the_level_follows_from_what_is_asked(filters, level):
    assert level_of(filters) == level


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ({"patient": "1"}, "OPT-UNKNOWN"),
        ({"series_uid": "1.2"}, "NET-FILTER"),
        ({"description": "a", "study_description": "b"}, "NET-FILTER"),
    ],
)
def test_filters_that_cannot_be_are_refused(filters, code):
    with raises_code(code, UsageError):
        keys_of(filters, "study")
