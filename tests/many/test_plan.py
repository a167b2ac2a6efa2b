"""A plan is understood, or refused as a whole before anything runs."""

from __future__ import annotations

import pickle
from pathlib import PurePosixPath

import pytest

from derive.many.layout import ResultLayout, marked
from derive.many.plan import Plan
from tests.helpers.asserting import each, raises_code

BLUR = "gaussian_blur(sigma_mm=1)"
TEXT = """
[[rule]]
name = "thin"
select = { Modality = "CT", SliceThickness = "<=1.5" }
steps = ["resample(spacing_mm=1)", "gaussian_blur(sigma_mm=1)"]
options = { series_description = "1 mm smooth", uids = "reproducible", timestamp = 2026-12-01T06:00:00 }
continue = true

[[rule]]
steps = ["mip(slab_mm=10, plane='coronal')"]
read = { stack = 1, assume = { Units = "BQML" } }

[output]
layout = "{PatientID}/{StudyInstanceUID}/{SeriesNumber:04d}"
"""


def plan_of(**rule):
    return Plan.of({"rule": [{"steps": [BLUR], **rule}]})


def test_a_plan_is_read_from_a_file(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(TEXT)
    plan = Plan.read(path)
    thin, other = plan.rules
    assert (thin.name, thin.goes_on, other.name, other.goes_on) == ("thin", True, "rule 2", False)
    assert [o.kind.name for o in thin.operations] == ["resample", "gaussian_blur"]
    assert thin.series_options.series_description == "1 mm smooth"
    assert other.read == {"stack": 1, "assume": {"Units": "BQML"}}
    assert {"Modality", "SliceThickness", "PatientID", "StudyInstanceUID", "SeriesNumber"} == plan.keywords


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "PLAN-RULE"),
        ({"rule": []}, "PLAN-RULE"),
        ({"rule": [{"steps": [BLUR]}], "outptu": {}}, "PLAN-KEY"),
        ({"rule": [{"steps": [BLUR]}], "output": {"layuot": "flat"}}, "PLAN-KEY"),
        ({"rule": [{"steps": [BLUR], "selct": {}}]}, "PLAN-KEY"),
        ({"rule": [{"steps": [BLUR], "name": "a\nb"}]}, "PLAN-RULE"),
        ({"rule": [{"steps": [BLUR], "name": "a"}, {"steps": [BLUR], "name": "a"}]}, "PLAN-RULE"),
        ({"rule": [{"steps": [BLUR], "continue": "yes"}]}, "PLAN-RULE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "plan",
)
def test_what_is_no_plan_is_refused(said, code):
    with raises_code(code):
        Plan.of(said)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (BLUR[:-1], "PLAN-STEP"),
        ("gausian_blur(sigma_mm=1)", "PLAN-STEP"),
        ("__import__('os').system('true')", "PLAN-STEP"),
        ("gaussian_blur(sigma_mm=open('x'))", "PLAN-STEP"),
        ("gaussian_blur(1)", "PLAN-STEP"),
        ("gaussian_blur(sigma=1)", "OP-PARAMETER"),
        ("bilateral()", "OP-PARAMETER"),
        ("subtract(series='1.2.3')", "PLAN-STEP"),
        ("resample(reference='1.2.3')", "PLAN-STEP"),
        (3, "PLAN-STEP"),
    ],
)
def test_a_step_that_cannot_be_is_refused(step, code):
    with raises_code(code):
        plan_of(steps=[step])


def test_no_steps_are_no_rule():
    for steps in each([[], "mip()", None], 3):
        with raises_code("PLAN-STEP"):
            plan_of(steps=steps)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"select": {"Modalty": "CT"}}, "PLAN-SELECT"),
        ({"select": {"PixelData": "*"}}, "PLAN-SELECT"),
        ({"select": {"RequestAttributesSequence": "*"}}, "PLAN-SELECT"),
        ({"select": {"Modality": []}}, "PLAN-SELECT"),
        ({"select": {"Modality": ""}}, "PLAN-SELECT"),
        ({"select": {"SliceThickness": "<=thin"}}, "PLAN-SELECT"),
        ({"select": {"Modality": True}}, "PLAN-SELECT"),
        ({"select": "CT"}, "PLAN-KEY"),
        ({"options": {"series_descriptoin": "x"}}, "OPT-UNKNOWN"),
        ({"options": {"uids": "same"}}, "UID-KIND"),
        ({"options": {"series_description": 3}}, "PLAN-OPTION"),
        ({"options": {"timestamp": "noon"}}, "PLAN-OPTION"),
        ({"options": {"set": {"StationName": 1}}}, "PLAN-OPTION"),
        ({"read": {"series": "1"}}, "PLAN-KEY"),
        ({"read": {"frames": "x"}}, "OPT-CHOICE"),
        ({"read": {"assume": {"Unit": "HU"}}}, "ASSUME-KEYWORD"),
        ({"deidentify": "basic"}, "PLAN-DEIDENTIFY"),
        ({"deidentify": {"profile": "basic", "layout": "flat"}}, "PLAN-DEIDENTIFY"),
        ({"deidentify": {"profile": "basic", "key": "k" * 32}}, "PLAN-DEIDENTIFY"),
        ({"deidentify": {"profile": "basci"}}, "DEID-PROFILE"),
        ({"deidentify": "missing.toml"}, "DEID-CONFIG"),
    ],
    ids=str,
)
def test_what_a_rule_cannot_say_is_refused(rule, code):
    with raises_code(code):
        plan_of(**rule)


@pytest.mark.parametrize(
    "layout",
    [
        "../{PatientID}",
        "/{PatientID}",
        "{PatientID}/../../etc",
        "{PatientID}//x",
        "~/{PatientID}",
        "{PatientID}\\..",
        "C:/{PatientID}",
        "{PatientId}",
        "{PatientID!r}",
        "{PatientID:04d}",
        "{PatientID.__class__}",
        "{SeriesNumber:>99999999}",
        "{",
        "fixed",
        "",
    ],
)
def test_a_layout_that_leads_elsewhere_is_refused(layout):
    with raises_code("PLAN-LAYOUT"):
        Plan.of({"rule": [{"steps": [BLUR]}], "output": {"layout": layout}})


@pytest.mark.parametrize(
    ("layout", "facts", "folder"),
    [
        ("{PatientID}/{SeriesNumber:04d}", {"PatientID": "P 1", "SeriesNumber": "7"}, "P_1/0007"),
        ("{PatientID}/{rule}", {"PatientID": "../../etc/passwd"}, "etc_passwd/thin"),
        ("{PatientID}/{SeriesNumber:04d}", {"PatientID": "..", "SeriesNumber": "x/y"}, "no_PatientID/x_y"),
        ("{PatientID}/{SeriesNumber:04d}", {}, "no_PatientID/no_SeriesNumber"),
        ("{ImageType}", {"ImageType": "ORIGINAL\\PRIMARY"}, "ORIGINAL"),
        ("flat", {"SeriesInstanceUID": "1.2.3"}, "1.2.3"),
        ("uid", {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3"}, "1.2/1.2.3"),
        ("{PatientName}", {"PatientName": "{rule}"}, "rule"),
    ],
)
def test_a_layout_stays_below_whatever_a_source_says(layout, facts, folder):
    found = ResultLayout.checked(layout, "plan").folder(facts, "thin")
    assert found == PurePosixPath(folder)
    assert ".." not in found.parts
    assert not found.is_absolute()


def test_a_mark_follows_from_what_it_is_of_alone():
    folder = PurePosixPath("a/0001")
    assert marked(folder, "1.2", "thin") == marked(folder, "1.2", "thin") != marked(folder, "1.3", "thin")
    assert marked(folder, "1.2").parent == folder.parent


def test_a_rule_goes_to_other_processes_and_has_the_same_digest_there():
    rule = plan_of(options={"uids": "reproducible"}).rules[0]
    there = pickle.loads(pickle.dumps(rule))
    assert there == rule
    assert there.digest == rule.digest
    assert there.operations[0].parameters == rule.operations[0].parameters


@pytest.mark.parametrize(
    "change",
    [{"steps": ["gaussian_blur(sigma_mm=2)"]}, {"options": {"series_number": 2}}, {"read": {"stack": 1}}],
    ids=lambda change: next(iter(change)),
)
def test_the_digest_of_a_rule_follows_from_what_its_results_do(change):
    plain = plan_of().rules[0]
    assert plan_of(**change).rules[0].digest != plain.digest
    same = plan_of(name="other", select={"Modality": "CT"}, steps=["gaussian_blur( sigma_mm = 1.0 )"])
    assert same.rules[0].digest == plain.digest


def test_a_digest_follows_from_the_configuration_of_de_identification(tmp_path, monkeypatch):
    monkeypatch.setenv("DERIVE_TEST_KEY", "k" * 32)
    site = tmp_path / "site.toml"
    found = []
    for option in each(["uids", "device-identity"], 2):
        site.write_text(f'profile = "basic"\nretain = ["{option}"]\n')
        table = {"config": "site.toml", "key_env": "DERIVE_TEST_KEY"}
        found.append(Plan.of({"rule": [{"steps": [BLUR], "deidentify": table}]}, folder=tmp_path).rules[0].digest)
    assert found[0] != found[1]


def test_what_derive_toml_says_is_in_the_rule(tmp_path, monkeypatch):
    (tmp_path / "derive.toml").write_text('uid_prefix = "1.2.3"\n[equipment]\nStationName = "AI1"\n')
    monkeypatch.chdir(tmp_path)
    rule = plan_of().rules[0]
    monkeypatch.undo()
    assert rule.series_options.set == {"StationName": "AI1"}
    assert rule.series_options.uid_prefix == "1.2.3"


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text("[[rule]\n")
    for name in each([path, tmp_path / "missing.toml"], 2):
        with raises_code("PLAN-READ"):
            Plan.read(name)
