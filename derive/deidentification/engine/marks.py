"""What a de-identified object says of itself (PS3.15 E.1.1): that it is, how, and by whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from derive.deidentification.methods import METHODS
from derive.deidentification.profile.profile import BASIC, BASIC_CODE, Profile, options
from derive.deidentification.text.finding import searched, without
from derive.deidentification.text.identifiers import identifiers_of
from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.encoding import encode, encode_item
from derive.elements.instance import Instance
from derive.version import MANUFACTURER, MODEL, VERSION

_METHOD, _CODES = "DeidentificationMethod", "DeidentificationMethodCodeSequence"
_EQUIPMENT = "ContributingEquipmentSequence"
#: Longitudinal Temporal Information Modified, by the option in force (PS3.15 E.3.6).
_MODIFIED = "modified-dates"
_DATES = {"full-dates": "UNMODIFIED", _MODIFIED: "MODIFIED"}
_PIXELS = "pixels"


@dataclass(frozen=True)
class Claims:
    """What may be said to have been done.

    Parameters
    ----------
    codes : tuple of (value, scheme, meaning)
        Of CID 7050.
    withheld : tuple of (option, reason)
        Options that were asked for and are not claimed.
    """

    codes: tuple[tuple[str, str, str], ...]
    withheld: tuple[tuple[str, str], ...] = ()


def claims_of(profile: Profile, *, vouched: bool, keeps_intervals: bool = True) -> Claims:
    """Return what an object may claim.

    Parameters
    ----------
    profile : Profile
    vouched : bool
        Whether a deterministic method, or a person, answers for its pixels.
    keeps_intervals : bool
        Whether modified dates of a patient are as far from each other as they were.
    """
    if not profile.is_confidential:
        reason = f"the profile {profile.base} is not the Basic Profile"
        return Claims((), tuple((name, reason) for name in profile.options))
    if profile.keeps_identity:
        reason = "a rule lets the patient's name or ID stay"
        return Claims((), tuple((name, reason) for name in (BASIC, *profile.options)))
    claimed = [(BASIC_CODE, "DCM", "Basic Application Confidentiality Profile")]
    withheld = []
    for name in profile.options:
        option = options()[name]
        if name == _PIXELS:
            if not vouched:
                withheld.append((name, "no deterministic method and no person answers for the pixels"))
                continue
        elif name == _MODIFIED and not keeps_intervals:
            withheld.append((name, "dates of a patient are not moved by the same days, as their scope is smaller"))
            continue
        elif option.cleaner and option.cleaner not in METHODS:
            withheld.append((name, f"there is no cleaner {option.cleaner}"))
            continue
        claimed.append((option.code, option.scheme, option.meaning))
    if vouched and not profile.has(_PIXELS):
        pixels = options()[_PIXELS]
        claimed.append((pixels.code, pixels.scheme, pixels.meaning))
    return Claims(tuple(claimed), tuple(withheld))


def marks(
    profile: Profile, claims: Claims, before: Instance, items: Mapping[str, list[bytes]], *, vouched: bool
) -> Iterator[Element]:
    """Give the attributes that say so.

    Parameters
    ----------
    profile : Profile
    claims : Claims
    before : Instance
        What the object said of itself.
    items : mapping keyword -> list of encoded items
        What is left of the sequences that are appended to.
    vouched : bool
        As of :func:`claims_of`.
    """
    yield encode(_METHOD, [*_methods_before(before), said(profile)])
    if profile.is_confidential:
        yield encode("PatientIdentityRemoved", "NO" if profile.keeps_identity else "YES")
        dates = next((_DATES[name] for name in profile.options if name in _DATES), "REMOVED")
        yield encode("LongitudinalTemporalInformationModified", dates)
    if claims.codes:
        there = {item.text("CodeValue") for item in before.items(_CODES)}
        new = [_coded(*code) for code in claims.codes if code[0] not in there]
        yield _appended(_CODES, items.get(_CODES, []), new)
    if vouched:
        yield encode("BurnedInAnnotation", "NO")
    for tag, text in profile.added:
        if tag not in before.elements:
            yield encode(keyword_of(tag), text)
    yield _appended(_EQUIPMENT, items.get(_EQUIPMENT, []), [_ourselves()])


def _methods_before(before: Instance) -> list[str]:
    """Return what was done earlier, without whom that names: texts that are appended to stay for a reason of ours."""
    own = identifiers_of(before)
    left = [without(text, searched(text, own)) for text in before.texts(_METHOD)]
    return [text for text in left if text]


def said(profile: Profile) -> str:
    """Return how it was de-identified, in words that fit into one value (LO)."""
    rules = " and own rules" if profile.rules else ""
    return f"derive {VERSION}: {profile.base} profile{rules}, PS3.15 {profile.edition}"[:64]


@cache
def _ourselves() -> bytes:
    purpose = _code("109104", "DCM", "De-identifying Equipment")
    return encode_item(
        {
            "Manufacturer": MANUFACTURER,
            "ManufacturerModelName": MODEL,
            "SoftwareVersions": VERSION,
            "PurposeOfReferenceCodeSequence": [purpose],
        }
    )


@cache
def _coded(value: str, scheme: str, meaning: str) -> bytes:
    return encode_item(_code(value, scheme, meaning))


def _code(value: str, scheme: str, meaning: str) -> dict[str, str]:
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}


def _appended(keyword: str, before: Iterable[bytes], new: Iterable[bytes]) -> Element:
    return Element(tag_of(keyword), "SQ", b"".join([*before, *new]))


#: Sequences of the object itself that are appended to.
APPENDED = {tag_of(keyword): keyword for keyword in (_CODES, _EQUIPMENT)}
