"""What would become of an attribute, and why: the decision of the engine, told without any file.

What is told is what :func:`~derive.deidentification.engine.decide.decided` answers for an object of a class that says
nothing of itself, so that an explanation cannot differ from what is done.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from pydicom.datadict import dictionary_description, dictionary_has_tag, dictionary_VR

from derive import standard
from derive.deidentification.engine.decide import Question, decided
from derive.deidentification.engine.ruling import Ruling
from derive.deidentification.private.safe import private_vr
from derive.deidentification.profile.profile import BASIC, Option, Profile, options
from derive.deidentification.profile.rule import Address
from derive.elements.instance import Instance
from derive.errors import UsageError
from derive.rewriting.stored import AttributePath
from derive.standard import ConfidentialityRow, TypeRule
from derive.told.wording import did_you_mean, flag

#: What an action of PS3.15 Table E.1-1a means.
MEANINGS = {
    "K": "kept",
    "X": "removed",
    "Z": "emptied",
    "D": "replaced by a dummy",
    "U": "replaced by the UID of the map",
    "C": "cleaned",
}


@dataclass(frozen=True)
class Foretold:
    """What becomes of an attribute, and why.

    Parameters
    ----------
    path : AttributePath
    name : str
        As the standard has it; empty where nobody knows.
    ruling : Ruling
    reason : str
        Why the table names it, in words for people.
    sop_class_uid : str
        Of the object; empty where none is meant.
    rules : tuple of TypeRule or None
        What the modules of its IOD say of the attribute; None where nobody knows.
    row : ConfidentialityRow or None
        Of Table E.1-1.
    otherwise : mapping of str to Ruling
        What it would become with one option more: those in whose column the row has something.
    """

    path: AttributePath
    name: str
    ruling: Ruling
    reason: str
    sop_class_uid: str
    rules: tuple[TypeRule, ...] | None
    row: ConfidentialityRow | None
    otherwise: dict[str, Ruling] = field(default_factory=dict)

    @property
    def type(self) -> str | None:
        """Type in the IOD; empty where it does not have the attribute, None where nobody knows."""
        return standard.type_of(self.sop_class_uid, self.path.tags) if self.rules is not None else None

    def __str__(self) -> str:
        iod = standard.iod_name(self.sop_class_uid) or "no IOD that is known"
        ruling, told = self.ruling, [f"{shown(self.path)}  {' '.join(filter(None, (_vr_told(self.path), self.name)))}"]
        told.append(f"  {ruling.action}  {MEANINGS[ruling.action]} ({ruling.method}), since {ruling.why}")
        if self.row is not None:
            told.append(f"  Table E.1-1: {'; '.join((f'Basic Profile {self.row.basic}', *_columns(self.row)))}")
        if self.reason:
            told.append(f"  named there since it {self.reason}")
        if self.rules:
            modules = ", ".join(f"{rule.module} ({rule.usage}) {rule.type}" for rule in self.rules)
            told.append(f"  {iod}: type {self.type}: {modules}")
        else:
            told.append(f"  {iod}: {'does not have it there' if self.rules is not None else 'type not known'}")
        for name, other in self.otherwise.items():
            told.append(f"  with {name}: {other.action}  {MEANINGS[other.action]} ({other.method})")
        return "\n".join(told)

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs; schemas/deid-explain.json describes it."""
        return {
            "tag": f"{self.path.tag:08X}",
            "path": self.path.text,
            "name": self.name,
            "vr": self.path.vr,
            **ruled_json(self.ruling),
            "reason": self.reason,
            "type": self.type,
            "modules": [rule._asdict() for rule in self.rules or ()],
            "table": self.row and {"basic": self.row.basic, "options": dict(_by_option(self.row))},
            "otherwise": {name: ruled_json(ruling) for name, ruling in self.otherwise.items()},
        }


def foretold(path: AttributePath, sop_class_uid: str, profile: Profile) -> Foretold:
    """Return what becomes of an attribute in objects of a class.

    Parameters
    ----------
    path : AttributePath
    sop_class_uid : str
        Empty for none: then nothing is removed that may be required.
    profile : Profile
    """
    row = standard.confidentiality_row(path.tag, profile.edition)
    more = [] if row is None else [o for o in options().values() if o.column in row.actions and not profile.has(o.name)]
    return Foretold(
        path,
        name_of(path, row),
        ruled(path, sop_class_uid, profile),
        reason_of(path, row),
        sop_class_uid,
        standard.rules_of(sop_class_uid, path.tags),
        row,
        {option.name: ruled(path, sop_class_uid, _with(profile, option)) for option in more},
    )


def ruled(path: AttributePath, sop_class_uid: str, profile: Profile) -> Ruling:
    """Return what is decided of an attribute, in an object that says nothing of itself."""
    return decided(Question(path, Instance("an object", {}, strict=False), profile, sop_class_uid))


def path_of(text: str, profile: Profile) -> AttributePath:
    """Return the attribute that a text names.

    Parameters
    ----------
    text : str
        As the address of a rule, but for a value representation.
    profile : Profile
        For the private attributes that a site tells of.

    Raises
    ------
    UsageError
        ``DEID-ADDRESS`` for what names no attribute.
    """
    *above, last = Address(text.replace(">", ".")).place
    return AttributePath(last.tag, vr_of(*last, profile), last.creator, (*above,))


def vr_of(tag: int, creator: str, profile: Profile) -> str:
    """Return the VR of an attribute by the dictionaries; UN where none has it."""
    if tag >> 16 & 1:
        return private_vr(tag >> 16, creator, tag & 0xFF, profile.private) or "UN"
    return dictionary_VR(tag).partition(" ")[0] if dictionary_has_tag(tag) else "UN"


def name_of(path: AttributePath, row: ConfidentialityRow | None) -> str:
    """Return what the standard calls an attribute; empty where no table has it."""
    if row is not None and row.tag is not None:
        return row.name
    return dictionary_description(path.tag) if dictionary_has_tag(path.tag) else ""


def shown(path: AttributePath) -> str:
    """Return a path with its tag, where its text has it not."""
    is_told = path.is_private or path.text.endswith(")")
    return path.text if is_told else f"{path.text} ({path.tag >> 16:04X},{path.tag & 0xFFFF:04X})"


def _vr_told(path: AttributePath) -> str:
    """Return its VR, but that of an attribute which no dictionary has."""
    return path.vr if path.is_private or path.vr != "UN" else ""


def reason_of(path: AttributePath, row: ConfidentialityRow | None) -> str:
    """Return why the table names an attribute, in words for people; empty for one that it does not name.

    The standard gives no reasons; these follow from the columns in which an option keeps or cleans it
    (``reasons.tsv``), the first that fits.
    """
    if row is None:
        return ""
    fits = {
        "private": path.is_private,
        "group 0010": path.tag >> 16 == 0x0010 and "retain_patient_characteristics" not in row.actions,
        "vr PN": path.vr == "PN",
        BASIC: True,
    }
    return next(why for which, why in _reasons().items() if fits.get(which, which in row.actions))


@cache
def _reasons() -> dict[str, str]:
    text = files(__package__).joinpath("reasons.tsv").read_text(encoding="utf-8")
    return dict(line.split("\t") for line in text.splitlines()[1:])


def sop_class_of(text: str) -> str:
    """Return the SOP Class UID that a person means.

    Raises
    ------
    UsageError
        ``DEID-CLASS`` for what names none.
    """
    found = standard.sop_class_named(text)
    if text and found is None:
        hint = did_you_mean(text, standard.sop_class_names())
        told = f"{flag('sop_class')} {text!r} is no SOP class{hint}; wanted a modality (CT), an IOD (ct-image) or a UID"
        raise UsageError("DEID-CLASS", told)
    return found or ""


def _with(profile: Profile, option: Option) -> Profile:
    """Return the profile with one option more; of the two for dates the one that is asked for."""
    dates = {"full-dates", "modified-dates"}
    names = [n for n in profile.options if not {n, option.name} <= dates]
    return replace(profile, options=(*(name for name in options() if name in {*names, option.name}),))


def _by_option(row: ConfidentialityRow) -> list[tuple[str, str]]:
    return [(o.name, row.actions[o.column]) for o in options().values() if o.column in row.actions]


def _columns(row: ConfidentialityRow) -> list[str]:
    return [f"{name} {action}" for name, action in _by_option(row)]


def ruled_json(ruling: Ruling) -> dict[str, str]:
    """Return a ruling, for programs."""
    return {"action": ruling.action, "method": ruling.method, "why": ruling.why}
