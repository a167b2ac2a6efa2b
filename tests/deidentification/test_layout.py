"""Names of files and folders: fit for every system, and none that was a value before."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.deidentification.line.layout import LAYOUTS, Names, checked_layout, files_of, fit, folder_of
from tests.helpers.asserting import raises_code

BEFORE = Names("MRN 4711", "1.2.3", "1.2.3.4", "1.2.3.4.5")
NOW = Names("S001", "2.25.1", "2.25.2", "2.25.3")


def test_a_tree_is_of_patient_study_and_series():
    assert folder_of(NOW, BEFORE, "P1") == PurePosixPath("S001/2.25.1/2.25.2")
    assert files_of([NOW, NOW], "tree", Counter()) == ["IM00001.dcm", "IM00002.dcm"]


def test_two_objects_with_one_uid_share_no_file():
    taken = Counter()
    assert files_of([NOW, NOW], "flat", taken) == ["2.25.3.dcm", "2.25.3-2.dcm"]
    assert files_of([NOW], "flat", taken) == ["2.25.3-3.dcm"]


def test_an_object_without_uid_is_called_by_its_place():
    assert files_of([Names("", "", "", "")], "flat", Counter()) == ["object.dcm"]
    assert folder_of(Names("", "", "", ""), BEFORE, "P1") == PurePosixPath("P1/study/series")


def test_a_patient_id_that_was_kept_names_no_folder():
    kept = Names(BEFORE.patient_id, "2.25.1", "2.25.2", "2.25.3")
    assert folder_of(kept, BEFORE, "P1") == PurePosixPath("P1/2.25.1/2.25.2")


@given(st.text(max_size=100))
def test_any_text_is_a_name_of_one_step(text):
    name = fit(text, "patient")
    assert name not in ("", ".", "..")
    assert not set(name) & set('/\\:*?"<>|\0\n ')
    assert name.isascii()
    assert len(name) <= 65
    assert fit(name, "patient") == name


@pytest.mark.parametrize("reserved", ["con", "NUL", "com1.txt", "..", "...", "."])
def test_what_a_system_takes_for_something_else_is_no_name(reserved):
    assert fit(reserved, "patient") in ("patient", f"_{reserved}")


def test_a_layout_is_known_or_refused():
    assert [checked_layout(name) for name in LAYOUTS] == list(LAYOUTS)
    with raises_code("DEID-LAYOUT") as caught:
        checked_layout("treee")
    assert "did you mean tree" in caught.value.message
