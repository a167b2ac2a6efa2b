"""The judge of what a file says of itself: that it is de-identified, by which options, and how it starts."""

from __future__ import annotations

from collections.abc import Iterator

from derive.deidentification.check.links import Links
from derive.deidentification.check.pair import Pair
from derive.deidentification.check.violation import Violation
from derive.deidentification.check.walk import Walked
from derive.deidentification.profile.profile import BASIC_CODE, options

_REMOVED, _METHOD, _CODES, _CODE_VALUE, _SCHEME = 0x00120062, 0x00120063, 0x00120064, 0x00080100, 0x00080102
_TEMPORAL, _BURNED_IN = 0x00280303, 0x00280301
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
#: What File Meta Information may hold: whose file it is, how it is encoded, and which program wrote it (PS3.10 7.1).
_META = frozenset(range(0x00020000, 0x00020004)) | {0x00020010, 0x00020012, 0x00020013}
_META_CLASS, _META_INSTANCE, _META_VERSION = 0x00020002, 0x00020003, 0x00020001
#: An option that is claimed only where somebody vouches for the pixels.
_PIXELS = "pixels"
#: Whose codes are judged: those of PS3.16 CID 7050.
_DCM = "DCM"


def mark_violations(pair: Pair, links: Links) -> Iterator[Violation]:
    """Judge the marks of a de-identified instance (PS3.15 E.1.1, E.3)."""
    profile = pair.demands.profile
    now, before = codes_of(pair.output), codes_of(pair.original) if pair.original else frozenset()
    if profile.is_confidential:
        if _text(pair.output, _REMOVED) != ("NO" if profile.keeps_identity else "YES"):
            yield pair.told("DCK-MARK", "PatientIdentityRemoved")
        if not _text(pair.output, _METHOD):
            yield pair.told("DCK-MARK", "DeidentificationMethod")
        if profile.keeps_identity and BASIC_CODE in now - before:
            yield pair.told("DCK-CLAIM", "DeidentificationMethodCodeSequence", "a rule lets the identity stay")
        if BASIC_CODE not in now and not profile.keeps_identity:
            yield pair.told("DCK-MARK", "DeidentificationMethodCodeSequence", f"{BASIC_CODE} is missing")
        # Whom an earlier one names is taken out of it: there is another in its place then, and ours beside it.
        earlier, later = _values(pair.original, _METHOD), _values(pair.output, _METHOD)
        if earlier - later and len(earlier - later) >= len(later - earlier):
            yield pair.told("DCK-MARK", "DeidentificationMethod", "what the original says of an earlier one is gone")
        yield from _temporal(pair)
    if profile.is_confidential and pair.original and not pair.own_items:
        yield pair.told("DCK-EQUIPMENT", "ContributingEquipmentSequence")
    claims = profile.is_confidential and not profile.keeps_identity
    for option in options().values():
        if option.name == _PIXELS and pair.vouched:
            continue
        if profile.has(option.name) and option.code not in now and claims and option.scheme == _DCM:
            code = "DCK-UNCLAIMED" if option.kind == "clean" else "DCK-MARK"
            yield pair.told(code, "DeidentificationMethodCodeSequence", f"option {option.name}")
        elif (
            option.scheme == _DCM and option.code in now and not profile.has(option.name) and option.code not in before
        ):
            yield pair.told("DCK-CLAIM", "DeidentificationMethodCodeSequence", f"option {option.name}")
    if not profile.is_confidential and BASIC_CODE in now - before:
        yield pair.told("DCK-CLAIM", "DeidentificationMethodCodeSequence", f"profile {profile.base}")
    if not before <= now:
        yield pair.told("DCK-MARK", "DeidentificationMethodCodeSequence", "a code of the original is gone")
    yield from _burned_in(pair, now)


def _values(walked: Walked | None, tag: int) -> frozenset[str]:
    return frozenset(part.strip() for part in _text(walked, tag).split("\\") if part.strip())


def _temporal(pair: Pair) -> Iterator[Violation]:
    profile = pair.demands.profile
    found = _text(pair.output, _TEMPORAL)
    wanted = "UNMODIFIED" if profile.has("full-dates") else "MODIFIED" if profile.has("modified-dates") else "REMOVED"
    if found != wanted:
        yield pair.told("DCK-MARK", "LongitudinalTemporalInformationModified", f"wanted {wanted}")


def _burned_in(pair: Pair, claimed: frozenset[str]) -> Iterator[Violation]:
    """Judge whether somebody vouches where Burned In Annotation says NO: the option, and its code with it."""
    code = options()[_PIXELS].code
    says, said = _text(pair.output, _BURNED_IN), _text(pair.original, _BURNED_IN) if pair.original else ""
    vouched = pair.vouched or (pair.demands.profile.has(_PIXELS) and code in claimed)
    if says == "NO" and said != "NO" and not vouched and pair.original:
        yield pair.told("DCK-BURNED-IN", "BurnedInAnnotation")
    if code in claimed and says == "YES":
        yield pair.told("DCK-CLAIM", "DeidentificationMethodCodeSequence", "Burned In Annotation is YES")
    if says == "YES":
        yield pair.told("DCK-BURNED-IN-RISK", "BurnedInAnnotation")


def codes_of(walked: Walked | None) -> frozenset[str]:
    """Return the codes by which a file says how it was de-identified, of scheme DCM."""
    if walked is None:
        return frozenset()
    schemes = {at: walked.value(leaf) for at, leaf in walked.at(_CODES, _SCHEME).items()}
    found = (
        walked.value(leaf) for at, leaf in walked.at(_CODES, _CODE_VALUE).items() if schemes.get(at) == _DCM.encode()
    )
    return frozenset(code.decode("latin-1") for code in found)


def file_violations(pair: Pair, links: Links) -> Iterator[Violation]:
    """Judge what stands around the data set: preamble, File Meta Information, bytes behind (PS3.10 7)."""
    output = pair.output
    if output.preamble.strip(b"\0"):
        yield pair.told("DCK-PREAMBLE")
    if output.rest:
        yield pair.told("DCK-TRAILING")
    if not output.meta:
        yield pair.told("DCK-META", "", "there is none")
        return
    for tag in sorted(output.meta.keys() - _META):
        yield pair.told("DCK-META", f"({tag >> 16:04X},{tag & 0xFFFF:04X})", "has to go")
    for tag, own in ((_META_CLASS, _SOP_CLASS), (_META_INSTANCE, _SOP_INSTANCE)):
        said, found = output.meta.get(tag, b"").strip(b" \0").decode("latin-1"), _text(output, own)
        if found and said != found:
            yield pair.told("DCK-META", f"({tag >> 16:04X},{tag & 0xFFFF:04X})", "is not that of the data set")


def _text(walked: Walked | None, tag: int) -> str:
    return walked.text(tag) if walked else ""
