"""What becomes of a content item by its concept name: PS3.15 E.3.4, Clean Structured Content Option.

Without the option the table has the sequences that hold content items replaced or removed as a whole. With it each
item is decided by itself: by the row of its concept name in Table E.3.4-1, or else, as the table cannot name all
concepts, by what its value type can tell: names are replaced, texts cleaned, dates follow the option for dates, UIDs
the one for UIDs, numbers and codes stay.
"""

from __future__ import annotations

from functools import lru_cache

from derive.deidentification.engine.ruling import Ruling
from derive.deidentification.profile.profile import Profile, options
from derive.elements.element import tag_of
from derive.elements.instance import Instance
from derive.rewriting.stored import AttributePath
from derive.standard import ContentRow, content_row

OPTION = "structured-content"
#: Sequences whose items are content items: of reports, of acquisition contexts, of steps in which a specimen was
#: prepared, of annotations of waveforms, and the modifiers of such items.
CONTENT_SEQUENCES = frozenset(
    map(
        tag_of,
        (
            "ContentSequence",
            "AcquisitionContextSequence",
            "SpecimenPreparationStepContentItemSequence",
            "WaveformAnnotationSequence",
            "ProtocolContextSequence",
            "ContentItemModifierSequence",
        ),
    )
)
#: Attributes that hold the value of an item: the ruling of an item is for them, all others are decided as anywhere.
VALUES = frozenset(
    map(
        tag_of,
        (
            "TextValue",
            "UnformattedTextValue",
            "PersonName",
            "DateTime",
            "Date",
            "Time",
            "UID",
            "NumericValue",
            "MeasuredValueSequence",
            "ConceptCodeSequence",
            "ReferencedSOPSequence",
        ),
    )
)
_CONTENT_SEQUENCE = tag_of("ContentSequence")
#: (0040,DB73) Referenced Content Item Identifier, as it begins in a file.
_BY_REFERENCE = b"\x40\x00\x73\xdb"
_REFERENCES = frozenset(["UIDREF", "IMAGE", "COMPOSITE", "WAVEFORM"])
#: Value types that are decided by a row of the table only where the row is for that very type.
_TELLS_NOTHING = frozenset(["CODE", "NUM", "CONTAINER", "SCOORD", "SCOORD3D", "TCOORD", "TABLE"])
_DATES = frozenset(["DATE", "TIME", "DATETIME"])
#: Cleaners by the column that asks for one.
_CLEANERS = {row.column: row.cleaner for row in options().values() if row.cleaner}


def item_action(path: AttributePath, item: Instance, instance: Instance, profile: Profile) -> Ruling | None:
    """Return what becomes of the value of a content item, or of the whole item where the action is X.

    Parameters
    ----------
    path : AttributePath
        Of the sequence.
    item : Instance
        One of its items.
    instance : Instance
        That holds all: where items refer to items by their position (by-reference relationships, PS3.3 C.17.3.2.5),
        none is taken out, for all behind it would be others; its value becomes a dummy instead.
    profile : Profile

    Returns
    -------
    Ruling or None
        For the attributes in :data:`VALUES` of the item itself. None where the sequence holds no content items, or
        the option is not in force.
    """
    if path.tag not in CONTENT_SEQUENCES or not profile.has(OPTION):
        return None
    scheme, code, value_type = _concept(item)
    ruling = _ruled(scheme, code, value_type, profile.options)
    return _in_its_place(value_type, ruling) if ruling.action == "X" and _refers(path, instance) else ruling


def _concept(item: Instance) -> tuple[str, str, str]:
    item = item.lenient
    named = next(iter(item.items("ConceptNameCodeSequence")), None)
    value_type = item.text("ValueType").upper() or ("TEXT" if item.raw("UnformattedTextValue") else "")
    if named is None:
        return "", "", value_type
    code = named.text("CodeValue") or named.text("LongCodeValue") or named.text("URNCodeValue")
    return named.text("CodingSchemeDesignator"), code, value_type


@lru_cache(maxsize=4096)
def _ruled(scheme: str, code: str, value_type: str, in_force: tuple[str, ...]) -> Ruling:
    row = content_row(scheme, code, value_type)
    # The table names "Finding" for what may be written there; the coded finding of the same concept says no more
    # than its code. Names, texts, dates and references stand for one another, and one row is for all.
    if row is not None and row.value_type != value_type and value_type in _TELLS_NOTHING:
        row = None
    return _by_value_type(value_type, in_force) if row is None else _by_row(row, value_type, in_force)


def _by_row(row: ContentRow, value_type: str, in_force: tuple[str, ...]) -> Ruling:
    """K before C before the basic action; of a composite one the one that takes nothing out (PS3.15 E.3.4)."""
    where = f"Table E.3.4-1, ({row.code}, {row.scheme})"
    columns = [options()[name].column for name in in_force]
    for action in ("K", "C"):
        for column in columns:
            if row.actions.get(column) == action:
                method = "keep" if action == "K" else _cleaner(column, value_type)
                return Ruling(action, method, why=f"{where}, {column}")
    action = "D" if "D" in row.basic else row.basic
    if action == "D" and value_type in _REFERENCES:
        action = "U"
    return Ruling.of(action, f"{where}, basic")


def _by_value_type(value_type: str, in_force: tuple[str, ...]) -> Ruling:
    where = f"clean_structured_content, value type {value_type or 'unknown'}, not in Table E.3.4-1"
    if value_type == "PNAME":
        return Ruling.of("D", where)
    if value_type in _REFERENCES:
        # (0040,A124) UID itself is no attribute that Retain UIDs keeps: rows of Table E.3.4-1 do, concept by concept.
        kept = "uids" in in_force and value_type != "UIDREF"
        return Ruling.of("K" if kept else "U", where)
    if value_type in _DATES:
        if "modified-dates" in in_force:
            return Ruling("C", "dateShift", why=where)
        return Ruling.of("K" if "full-dates" in in_force else "D", where)
    if value_type == "TEXT" or not value_type:
        return Ruling("C", "cleanDescriptors", why=where)
    return Ruling.of("K", where)


def _cleaner(column: str, value_type: str) -> str:
    """Whatever column asks for it, dates are shifted, and all else is a text: a concept may be said as either."""
    return _CLEANERS[column] if value_type in _DATES else "cleanDescriptors"


def _refers(path: AttributePath, instance: Instance) -> bool:
    if _CONTENT_SEQUENCE not in (path.tag, *(step.tag for step in path.above)):
        return False
    content = instance.elements.get(_CONTENT_SEQUENCE)
    return content is not None and _BY_REFERENCE in content.value


def _in_its_place(value_type: str, ruling: Ruling) -> Ruling:
    """A dummy instead of nothing; a container has no value, and what it holds is decided item by item."""
    why = f"{ruling.why}; kept in its place, for items refer to positions"
    if value_type in _REFERENCES:
        return Ruling.of("U", why)
    return Ruling.of("K" if value_type == "CONTAINER" else "D", why)
