"""What the base of a profile makes of an attribute, before private rules and the table are asked.

The engine asks after the user's own rules. ``basic`` answers nothing, so that all the rest decides. Bases that keep
answer for everything but UIDs, which are left to the column of the table (an instance that changed is another one,
PS3.3 C.12.1.1): ``--retain uids`` keeps them. A base is a function by its name in :data:`_BASES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from derive.deidentification.engine.ruling import Ruling
from derive.deidentification.profile.profile import Profile
from derive.elements.element import tag_of
from derive.rewriting.stored import AttributePath, SequenceStep
from derive.standard import type_of

#: Value representations whose text is searched (``tag-contents``): those that Google names for DEIDENTIFY_TAG_CONTENTS.
SEARCHED = frozenset(["AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT", "DA", "DT", "AS"])
_PATIENT_ID = tag_of("PatientID")
#: How pixels are told, and the pixels.
_PIXEL_GROUPS = (0x0028, 0x7FE0)
_LAST_OF_FILE_META = 0x0002FFFF
#: What makes a code, without its meaning.
_CODES = frozenset(map(tag_of, ("CodeValue", "LongCodeValue", "CodingSchemeDesignator", "CodingSchemeVersion")))
#: How an instance was de-identified (PS3.3 C.7.1.1).
_MARKS = frozenset(
    map(tag_of, ("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"))
)


def base_action(path: AttributePath, sop_class_uid: str, profile: Profile) -> Ruling | None:
    """Return what the base of a profile makes of an attribute; None where it leaves it to the steps that follow.

    Parameters
    ----------
    path : AttributePath
    sop_class_uid : str
        Of the instance that it stands in.
    profile : Profile
    """
    if path.tag == _PATIENT_ID and not path.above and profile.has("patient-id-hash"):
        return Ruling("D", "patientIdHash", {"dialect": profile.dialect}, "option patient-id-hash")
    if profile.dialect == "dcm4chee" and (kept := _kept_by_dcm4chee(path, profile)):
        return kept
    return _BASES[profile.base](path, sop_class_uid, profile)


def _basic(path: AttributePath, sop_class_uid: str, profile: Profile) -> Ruling | None:
    return None


def _minimal(path: AttributePath, sop_class_uid: str, profile: Profile) -> Ruling | None:
    """Remove what the IOD does not have; private attributes and IODs that nobody knows are left to the next steps.

    What says how Pixel Data lies is left to them too: without Number of Frames the pixels of an object that is of the
    wrong class for them are lost.
    """
    if path.is_private or path.tag <= _LAST_OF_FILE_META or any(step.creator for step in path.above):
        return None
    if path.tag >> 16 in _PIXEL_GROUPS and path.tag in required_by_google():
        return None
    if type_of(sop_class_uid, (*(step.tag for step in path.above), path.tag)) == "":
        return Ruling.of("X", "profile minimal: not an attribute of this SOP class")
    return None


def _keep_all(path: AttributePath, sop_class_uid: str, profile: Profile) -> Ruling | None:
    """Keep it. Microsoft changes what a rule names and nothing else; here UIDs change too."""
    if _is_uid(path) and profile.dialect != "microsoft":
        return None
    return Ruling.of("K", f"profile {profile.base}")


def _tag_contents(path: AttributePath, sop_class_uid: str, profile: Profile) -> Ruling | None:
    """Look into it. A code is what its scheme says, and would be none afterwards; its meaning is looked into."""
    if path.vr in SEARCHED and path.tag not in _CODES and not path.is_creator:
        return Ruling("C", "infoTypes", {"transformations": profile.transformations}, "profile tag-contents")
    return _keep_all(path, sop_class_uid, profile)


def _keep_list(path: AttributePath, sop_class_uid: str, profile: Profile) -> Ruling | None:
    """Keep what is listed, what is in it, the way to it, and what an image cannot do without; the rest goes.

    What an earlier de-identification says of itself stays: it was true of what is left too.
    """
    if path.tag in _MARKS or any(step.tag in _MARKS for step in path.above):
        return Ruling.of("K", "how it was de-identified before")
    if path.tag in required_by_google() or _is_listed(path, profile) or _leads_to_listed(path, profile):
        return None if _is_uid(path) else Ruling.of("K", "keep list")
    if path.is_creator:  # goes by itself when nothing of its block stays
        return None
    return Ruling.of("X", "not in the keep list")


def _remove_list(path: AttributePath, sop_class_uid: str, profile: Profile) -> Ruling | None:
    if path.tag >> 24 == 0x60 and not path.is_private:
        return Ruling.of("X", "overlays are in every remove list")
    if _is_listed(path, profile):
        return Ruling.of("X", "remove list")
    return _keep_all(path, sop_class_uid, profile)


_BASES: Mapping[str, Callable[[AttributePath, str, Profile], Ruling | None]] = {
    "basic": _basic,
    "minimal": _minimal,
    "keep-all": _keep_all,
    "tag-contents": _tag_contents,
    "keep-list": _keep_list,
    "remove-list": _remove_list,
}


def _is_uid(path: AttributePath) -> bool:
    return path.vr == "UI" and not path.is_private


def _is_listed(path: AttributePath, profile: Profile) -> bool:
    """Whether it, or a sequence that holds it, is one of the attributes of the list."""
    return any(address.matches(place) for place in (path, *_sequences_above(path)) for address in profile.tags)


def _leads_to_listed(path: AttributePath, profile: Profile) -> bool:
    """Whether an attribute of the list stands inside of it."""
    return path.vr == "SQ" and any(address.leads_through(path) for address in profile.tags)


def _sequences_above(path: AttributePath) -> tuple[AttributePath, ...]:
    steps: tuple[SequenceStep, ...] = path.above
    return tuple(AttributePath(step.tag, "SQ", step.creator, steps[:n]) for n, step in enumerate(steps))


def _kept_by_dcm4chee(path: AttributePath, profile: Profile) -> Ruling | None:
    """What an option keeps is what dcm4chee's page lists, and for UIDs all, as its code has it."""
    for option in profile.options:
        if path.tag in listed_by_dcm4chee().get(option, ()) or (option == "uids" and _is_uid(path)):
            return Ruling.of("K", f"option {option} of dcm4chee")
    return None


@cache
def listed_by_dcm4chee() -> Mapping[str, frozenset[int]]:
    """Return the attributes that each option keeps in the dialect of dcm4chee (``dcm4chee.tsv``)."""
    rows = [line.split("\t") for line in _lines("dcm4chee.tsv")]
    return {option: frozenset(tag_of(keyword) for o, keyword in rows if o == option) for option, _ in rows}


@cache
def required_by_google() -> frozenset[int]:
    """Return the attributes that are in every keep list (``google_required.tsv``): class, UIDs, syntax, and pixels.

    *2026-11-30.* Google's page lists them where it describes keep lists; the character set is our addition, as texts
    that are kept cannot be read without it.
    """
    return frozenset(map(tag_of, _lines("google_required.tsv")))


def _lines(name: str) -> list[str]:
    return files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines()[1:]
