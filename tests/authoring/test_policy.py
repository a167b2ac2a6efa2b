"""The policy is complete: every attribute has a row, every recompute a builder, every builder a row."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom.datadict import tag_for_keyword

from derive import standard
from derive.authoring.entities import BUILDERS, builder_of
from derive.authoring.policy import ANY, Action, row, rows
from derive.errors import AssembleError
from derive.model.classes import made_class_uids, sop_class_uids, target_of
from derive.model.derivation import Derivation, GeometryEffect, Step, ValuesEffect
from derive.operations.kit.coding import derivation_code
from tests.helpers.asserting import each, every

IODS = [target_of(uid).iod for uid in made_class_uids()]


def recomputed() -> set[tuple[str, str]]:
    return {
        key
        for key, r in rows().items()
        if Action.RECOMPUTE in r.actions.values()
        or Action.RECOMPUTE in (r.new_quantity, r.passes)
        or r.fallback == "recompute"
    }


@pytest.mark.parametrize("iod", IODS, ids=lambda iod: iod.name)
def test_every_module_and_attribute_of_a_supported_iod_has_a_row(iod):
    modules = {use.module for use in iod.modules}
    with_default = {module for module, keyword in rows() if keyword == ANY}
    for module in each(modules):
        listed = {keyword for m, keyword in rows() if m == module}
        attributes = {r.keyword for r in iod.attributes.values() if r.module == module}
        assert module in with_default or attributes <= listed, f"{module} lacks {sorted(attributes - listed)}"
    for rule in each(iod.attributes.values()):
        assert row(rule.module, rule.keyword).section


def test_every_row_is_used_and_names_what_the_dictionary_has():
    used = {(r.module, k) for iod in IODS for r in iod.attributes.values() for k in (r.keyword, ANY)}
    assert set(rows()) - used == set()
    for _, keyword in rows():
        if keyword != ANY:
            assert standard.tag_of(keyword)


def test_every_recompute_has_a_builder_and_every_builder_a_row():
    built = {key if key in BUILDERS else (ANY, key[1]) for key in recomputed()}
    assert built == set(BUILDERS)
    assert every(keyword != ANY for _, keyword in built), (
        "a module cannot be recomputed as a whole: name its attributes"
    )


def test_a_builder_of_the_module_goes_before_one_of_any(monkeypatch):
    rule = standard.iod(made_class_uids()[0]).attributes["HighBit"]
    of_any, of_the_module = BUILDERS[ANY, "HighBit"], replace(BUILDERS[ANY, "HighBit"], module=rule.module)
    assert builder_of(rule) is of_any
    monkeypatch.setitem(BUILDERS, (rule.module, "HighBit"), of_the_module)
    assert builder_of(rule) is of_the_module
    assert builder_of(standard.iod(made_class_uids()[0]).attributes["PatientID"]) is None


def test_every_row_says_why_and_where():
    for key, r in each(rows().items()):
        assert r.reason, key
        assert r.section.startswith("C."), key
        assert r.fallback in ("", "least", "greatest", "recompute") or r.fallback.startswith(("=", "of ")), key
        if r.fallback.startswith("of "):
            assert tag_for_keyword(r.fallback.removeprefix("of ")), key


def test_the_section_of_a_row_is_that_of_its_module_or_of_a_rule_elsewhere():
    for (module, keyword), r in each(rows().items()):
        if keyword == ANY:
            assert r.section == standard.section(module)


def test_an_unknown_module_has_no_row():
    with pytest.raises(AssembleError, match="POL-NOROW"):
        row("no-such-module", "PatientName")


def derivation(*effects, values=ValuesEffect.KEEPS_QUANTITY):
    code = derivation_code("Smoothing")
    return Derivation(tuple(Step("x", code, "x()", geometry_effect=e, values_effect=values) for e in effects))


def test_the_strongest_effect_decides():
    keeps, new, projection = GeometryEffect
    thickness = row("image-plane", "SliceThickness")
    assert thickness.action(derivation(keeps)) is Action.PULL
    assert thickness.action(derivation(keeps, new, keeps)) is Action.RECOMPUTE
    assert row("pet-series", "ReprojectionMethod").action(derivation(new)) is Action.DROP
    assert row("pet-series", "ReprojectionMethod").action(derivation(new, projection)) is Action.RECOMPUTE
    other = derivation(keeps, values=ValuesEffect.NEW_QUANTITY)
    assert row("pet-series", "Units").action(other) is Action.RECOMPUTE


def test_image_type_has_the_terms_of_the_iod():
    keeps, new, projection = GeometryEffect
    ct, mr, pet = (target_of(uid) for uid in sop_class_uids()[:3])
    assert derivation(keeps).image_type(ct) == ["DERIVED", "SECONDARY", "AXIAL"]
    assert derivation(new).image_type(mr) == ["DERIVED", "SECONDARY", "OTHER"]
    assert derivation(projection).image_type(mr) == ["DERIVED", "SECONDARY", "PROJECTION IMAGE"]
    assert derivation(projection).image_type(pet) == ["DERIVED", "PRIMARY"]
