"""Functional group macros: usages and types, beside the digest of the standard and by what a few must be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import derive.standard as standard
from derive.model.functional_groups import iod_of_frames, macros
from derive.standard import AttributeRule, Iod, _tables, regenerate_groups
from derive.standard.conditions import condition_of
from tests.helpers.asserting import each
from tests.helpers.tables import CT, ENHANCED_CT, EVERY_IOD
from tests.standard.test_tables import shared_rows

ENHANCED_MR, ENHANCED_PET = "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.130"
GROUPED = [iod for iod in EVERY_IOD if standard.macros_of(iod.name)]


def test_usages_agree_with_the_digest_of_the_standard() -> None:
    names = {iod.name for iod in GROUPED}
    shared = {(row["iod"], row["macro"], row["usage"]) for row in shared_rows("iod_functional_groups.tsv")}
    ours = {(iod.name, use.macro, use.usage) for iod in GROUPED for use in standard.macros_of(iod.name)}
    assert ours == {row for row in shared if row[0] in names}


def test_what_has_no_groups_has_no_macros() -> None:
    assert standard.macros_of(standard.iod(CT).name) == standard.macros_of("no-iod") == ()
    assert len(GROUPED) == 13


@pytest.mark.parametrize("iod", GROUPED, ids=lambda iod: iod.name)
def test_shared_and_per_frame_groups_hold_the_macros_of_the_iod(iod: Iod) -> None:
    sequences = sorted(use.sequence for use in standard.macros_of(iod.name))
    for place in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        assert sorted(rule.keyword for rule in iod.attributes[place].items) == sequences


@pytest.mark.parametrize(
    ("uid", "path", "kind"),
    [
        (ENHANCED_CT, "PixelMeasuresSequence", "1"),
        (ENHANCED_CT, "CTExposureSequence", "1C"),
        (ENHANCED_CT, "FrameVOILUTSequence", "3"),
        (ENHANCED_CT, "FrameVOILUTSequence>WindowCenter", "1"),
        (ENHANCED_CT, "IrradiationEventIdentificationSequence", "1"),
        (ENHANCED_CT, "FrameAnatomySequence>AnatomicRegionSequence>CodeMeaning", "1"),
        (ENHANCED_MR, "MRDiffusionSequence>DiffusionBMatrixSequence>DiffusionBValueXX", "1"),
        (ENHANCED_MR, "MRDiffusionSequence>DiffusionGradientDirectionSequence>DiffusionGradientOrientation", "1C"),
        (ENHANCED_MR, "DerivationImageSequence>SourceImageSequence>PurposeOfReferenceCodeSequence>CodeMeaning", "1"),
        (ENHANCED_PET, "RadiopharmaceuticalUsageSequence>RadiopharmaceuticalAgentNumber", "1"),
    ],
)
def test_types_of_macros_at_all_depths(uid: str, path: str, kind: str) -> None:
    rules = dict(iod_of_frames(standard.iod(uid)).attributes)
    for keyword in path.split(">"):
        rule = rules[keyword]
        rules = {inner.keyword: inner for inner in rule.items}
    assert rule.type == kind


def inside(rules: tuple[AttributeRule, ...], depth: int = 1) -> Iterator[tuple[AttributeRule, int]]:
    for rule in rules:
        yield rule, depth
        yield from inside(rule.items, depth + 1)


@pytest.mark.parametrize("iod", GROUPED, ids=lambda iod: iod.name)
def test_every_macro_is_an_attribute_of_a_frame_and_its_attributes_are_of_a_module_of_its_name(iod: Iod) -> None:
    frames = iod_of_frames(iod)
    for use in each(standard.macros_of(iod.name)):
        rule = frames.attributes[use.sequence]
        assert rule.module == macros()[rule.tag].name
        assert {inner.module for inner, _ in inside(rule.items)} <= {rule.module}
        assert rule.type == {"M": "1", "C": "1C", "U": "3"}[use.usage]
    assert "SharedFunctionalGroupsSequence" not in frames.attributes
    assert max((depth for _, depth in inside(tuple(frames.attributes.values()))), default=0) >= 2


@pytest.mark.parametrize("iod", GROUPED, ids=lambda iod: iod.name)
def test_every_conditional_macro_has_a_condition(iod: Iod) -> None:
    frames = iod_of_frames(iod)
    conditional = [frames.attributes[u.sequence] for u in standard.macros_of(iod.name) if u.usage == "C"]
    assert [rule.keyword for rule in conditional if condition_of(rule) is None] == []


def test_generator_refuses_macros_that_the_sources_have_overtaken() -> None:
    uses = [{"ciodId": "an-image", "macroId": "a-macro", "usage": "M"}]
    attributes = {
        "an-image-multi-frame-functional-groups": [{"path": ["SharedFunctionalGroupsSequence"], "keyword": "A"}]
    }
    kept = {"iod": "an-image", "macro": "a-macro", "sequence": "A", "usage": "M"}
    made = regenerate_groups.macros(["an-image"], uses, {"a-macro": "A"}, [], attributes)
    assert made == [("an-image", "a-macro", "A", "M")]
    with pytest.raises(LookupError, match="says the same"):
        regenerate_groups.macros(["an-image"], uses, {"a-macro": "A"}, [kept], attributes)
    with pytest.raises(LookupError, match="has other macros"):
        regenerate_groups.macros(["an-image"], uses, {"a-macro": "B"}, [], attributes)


def test_paths_of_macros_have_their_parents_and_are_unique() -> None:
    paths = [(row[0], row[1]) for row in _tables.rows("macro_attributes")]
    assert len(set(paths)) == len(paths) > 1000
    for macro, path in paths:
        parent = path.rpartition(">")[0]
        assert not parent or (macro, parent) in paths
