"""All rules of a profile with their reasons, for whoever has to agree to them: an ethics board, for instance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from derive import standard
from derive.deidentification.engine.decide import STEPS
from derive.deidentification.engine.marks import claims_of
from derive.deidentification.engine.ruling import Ruling
from derive.deidentification.explain.explain import MEANINGS, Foretold, foretold, path_of, ruled, ruled_json, shown
from derive.deidentification.private.safe import safe_rows
from derive.deidentification.profile.profile import Profile
from derive.deidentification.text.content import item_action
from derive.elements.element import tag_of
from derive.elements.encoding import encode, encode_item
from derive.elements.instance import Instance
from derive.rewriting.stored import AttributePath
from derive.standard import ContentRow
from derive.told.wording import counted

SCHEMA = "derive-deid-explain/1"
_CONTENT = AttributePath(tag_of("ContentSequence"), "SQ")
#: Standard groups and elements that no edition defines: what the table lacks is asked for there, by its VR.
_BEYOND, _BEYOND_OF_PATIENT = 0x00FC0010, 0x0010FFF0
_VRS = (
    "PN",
    "DA",
    "TM",
    "DT",
    "UI",
    "LO",
    "SH",
    "ST",
    "LT",
    "UC",
    "UT",
    "UR",
    "AE",
    "AS",
    "CS",
    "DS",
    "IS",
    "OB",
    "UN",
    "US",
)
#: The first block of a private group.
_FIRST_BLOCK = 0x1000


@dataclass(frozen=True)
class DeidExplanation:
    """What a profile does with objects of a class.

    Parameters
    ----------
    profile : Profile
    sop_class_uid : str
        Empty for none: then nothing is removed that may be required.
    attributes : tuple of Foretold
    is_whole : bool
        Whether those are all rows of the table, and all else is told too.
    """

    profile: Profile
    sop_class_uid: str
    attributes: tuple[Foretold, ...]
    is_whole: bool = False

    def __str__(self) -> str:
        if not self.is_whole:
            return "\n".join(map(str, self.attributes))
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        profile, claims = self.profile, claims_of(self.profile, vouched=False)
        iod = standard.iod_name(self.sop_class_uid) or self.sop_class_uid or "objects of no class that is known"
        yield f"profile {profile.base}, {', '.join(profile.options) or 'no option'}; PS3.15 {profile.edition}; {iod}"
        yield from (f"  claimed: ({code}, {scheme}, {meaning})" for code, scheme, meaning in claims.codes)
        yield from (f"  not claimed: {option}, since {reason}" for option, reason in claims.withheld)
        yield "who decides: the first of these that has an answer"
        yield from (f"  {number}. {text}" for number, text in enumerate(_steps(), 1))
        yield "rules of the user's own" if profile.rules else "no rule of the user's own"
        yield from (f"  {rule.address.text}: {rule.method} ({rule.told}) {rule.why}".rstrip() for rule in profile.rules)
        yield f"Table E.1-1: {counted(len(self.attributes), 'row')}"
        for found in self.attributes:
            yield f"  {_told(found.ruling)}  {shown(found.path)}; {found.ruling.why}; it {found.reason}"
        yield "attributes that the table does not name, by what they can hold"
        yield from (f"  {_told(ruling)}  {what}; {ruling.why}" for what, ruling in self.beyond())
        yield "private attributes"
        yield from (f"  {_told(ruling)}  {what}; {ruling.why}" for what, ruling in self.private())
        content = list(self.content_items())
        yield f"Table E.3.4-1: {counted(len(content), 'concept name') if content else 'the option is not in force'}"
        for row, ruling in content:
            yield f"  {_told(ruling)}  ({row.code}, {row.scheme}, {row.meaning}) {row.value_type}; {ruling.why}"

    def beyond(self) -> Iterator[tuple[str, Ruling]]:
        """Give what becomes of attributes that the table does not name: each VR, and what is of the patient."""
        for vr in _VRS:
            yield f"any other of VR {vr}", ruled(AttributePath(_BEYOND, vr), self.sop_class_uid, self.profile)
        of_patient = AttributePath(_BEYOND_OF_PATIENT, "LO")
        yield "any other of group 0010", ruled(of_patient, self.sop_class_uid, self.profile)

    def private(self) -> Iterator[tuple[str, Ruling]]:
        """Give what becomes of private attributes: those of nobody that is known, and with the option the safe ones."""
        unknown = AttributePath(0x00091000 | 1, "LO", "A CREATOR")
        yield "any other", ruled(unknown, self.sop_class_uid, self.profile)
        if not self.profile.has("safe-private"):
            return
        for row in safe_rows().values():
            path = AttributePath(row.group << 16 | _FIRST_BLOCK | row.element, row.vr or "UN", row.creator)
            yield f"{path.text} {row.name}".rstrip(), ruled(path, self.sop_class_uid, self.profile)

    def content_items(self) -> Iterator[tuple[ContentRow, Ruling]]:
        """Give what becomes of content items by their concept names; nothing where the option is not in force."""
        nothing = Instance("an object", {}, strict=False)
        for row in standard.content_rows():
            ruling = item_action(_CONTENT, _item(row), nothing, self.profile)
            if ruling is not None:
                yield row, ruling

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs; schemas/deid-explain.json describes it."""
        claims = claims_of(self.profile, vouched=False)
        told: dict[str, Any] = {
            "schema": SCHEMA,
            "profile": self.profile.base,
            "options": list(self.profile.options),
            "edition": self.profile.edition,
            "sop_class_uid": self.sop_class_uid,
            "iod": standard.iod_name(self.sop_class_uid) or "",
            "codes": [
                {"value": value, "scheme": scheme, "meaning": meaning} for value, scheme, meaning in claims.codes
            ],
            "withheld": [{"option": option, "reason": reason} for option, reason in claims.withheld],
            "attributes": [found.to_json() for found in self.attributes],
        }
        if self.is_whole:
            told |= self._rest()
        return told

    def _rest(self) -> dict[str, Any]:
        return {
            "steps": _steps(),
            "rules": [
                {"address": rule.address.text, "method": rule.method, "told": rule.told, "why": rule.why}
                for rule in self.profile.rules
            ],
            "beyond": [{"what": what, **ruled_json(ruling)} for what, ruling in self.beyond()],
            "private": [{"what": what, **ruled_json(ruling)} for what, ruling in self.private()],
            "content_items": [
                {"scheme": row.scheme, "code": row.code, "meaning": row.meaning, "value_type": row.value_type}
                | ruled_json(ruling)
                for row, ruling in self.content_items()
            ],
        }


def explanation(names: list[str], sop_class_uid: str, profile: Profile) -> DeidExplanation:
    """Return what becomes of some attributes.

    Raises
    ------
    UsageError
        ``DEID-ADDRESS`` for what names no attribute.
    """
    found = (foretold(path_of(name, profile), sop_class_uid, profile) for name in names)
    return DeidExplanation(profile, sop_class_uid, tuple(found))


def whole_explanation(sop_class_uid: str, profile: Profile) -> DeidExplanation:
    """Return what becomes of all that the table names, and of all else."""
    found = [
        foretold(path_of(row.shown, profile), sop_class_uid, profile)
        for row in standard.confidentiality_rows(profile.edition)
        if row.shown.startswith("(")
    ]
    return DeidExplanation(profile, sop_class_uid, tuple(found), is_whole=True)


def _steps() -> list[str]:
    """Return what each step of the decision is, as it says of itself."""
    return [(step.__doc__ or "").splitlines()[0] for step in STEPS]


def _told(ruling: Ruling) -> str:
    return f"{ruling.action}  {MEANINGS[ruling.action]} ({ruling.method})"


def _item(row: ContentRow) -> Instance:
    """Return a content item that has a concept name and no value."""
    named = {"CodeValue": row.code, "CodingSchemeDesignator": row.scheme, "CodeMeaning": row.meaning}
    concept = encode("ConceptNameCodeSequence", [])._replace(value=encode_item(named))
    kind = encode("ValueType", row.value_type)
    return Instance("an item", {element.tag: element for element in (kind, concept)}, strict=False)
