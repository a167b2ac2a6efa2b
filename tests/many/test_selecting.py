"""Which series a rule wants."""

from __future__ import annotations

import pytest

from derive.many.plan import Plan
from derive.many.selecting import may_be_wanted, rules_for
from tests.helpers.asserting import each

FACTS = {
    "Modality": "CT",
    "SliceThickness": "1.250",
    "SeriesDescription": "Chest Thin",
    "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
    "StudyDate": "20261130",
    "SeriesNumber": "3",
    "Images": "140",
    "KVP": "",
}


def wanted(select, facts=FACTS):
    plan = Plan.of({"rule": [{"steps": ["mip()"], "select": select}]})
    return bool(rules_for(plan, facts))


@pytest.mark.parametrize(
    "select",
    [
        {},
        {"Modality": "CT"},
        {"Modality": "ct"},
        {"Modality": ["MR", "CT"]},
        {"Modality": "!MR"},
        {"SeriesDescription": "*chest*"},
        {"SeriesDescription": "Chest ????"},
        {"SliceThickness": "<=1.5"},
        {"SliceThickness": 1.25},
        {"SliceThickness": "1.25"},
        {"SliceThickness": [">1", "<0.5"]},
        {"SliceThickness": "!>2"},
        {"StudyDate": ">=20261101"},
        {"SeriesNumber": 3},
        {"Images": ">=100"},
        {"ImageType": "PRIMARY"},
        {"ImageType": "!LOCALIZER"},
        {"ImageType": ["AXIAL", "!LOCALIZER", "!DERIVED"]},
        {"KVP": "!*"},
        {"PatientName": "!*"},
        {"PatientName": "!X"},
        {"Modality": "CT", "SeriesNumber": "<4"},
    ],
    ids=str,
)
def test_what_fits_is_wanted(select):
    assert wanted(select)


@pytest.mark.parametrize(
    "select",
    [
        {"Modality": "C"},
        {"Modality": "!CT"},
        {"Modality": ["CT", "!C*"]},
        {"SeriesDescription": "chest"},
        {"SliceThickness": "<1.25"},
        {"SliceThickness": "!<=1.5"},
        {"SeriesDescription": "<=5"},
        {"ImageType": "!AXIAL"},
        {"KVP": "*"},
        {"KVP": "<200"},
        {"PatientName": "*"},
        {"Modality": "CT", "SeriesNumber": ">4"},
    ],
    ids=str,
)
def test_what_does_not_fit_is_not(select):
    assert not wanted(select)


def test_brackets_are_no_list_of_characters_to_be_surprised_by():
    assert not wanted({"SeriesDescription": "*[tT]hin"})
    assert wanted({"SeriesDescription": "ax [t2]*"}, {"SeriesDescription": "AX [T2] FLAIR"})


def test_the_first_rule_that_matches_holds_unless_it_goes_on():
    rules = [
        {"name": "none", "steps": ["mip()"], "select": {"Modality": "PT"}},
        {"name": "on", "steps": ["mip()"], "select": {"Modality": "CT"}, "continue": True},
        {"name": "first", "steps": ["mip()"]},
        {"name": "never", "steps": ["mip()"]},
    ]
    plan = Plan.of({"rule": rules})
    assert [r.name for r in rules_for(plan, FACTS)] == ["on", "first"]
    assert [r.name for r in rules_for(plan, {"Modality": "PT"})] == ["none"]


def test_what_is_not_known_yet_may_be_wanted():
    plan = Plan.of({"rule": [{"steps": ["mip()"], "select": {"Modality": "CT", "SliceThickness": "<=1.5"}}]})
    for facts in each([{"Modality": "CT"}, {}, {"Modality": "", "SliceThickness": "1"}], 3):
        assert may_be_wanted(plan, facts)
    assert not may_be_wanted(plan, {"Modality": "MR"})
    assert not may_be_wanted(plan, {"Modality": "CT", "SliceThickness": "3"})
