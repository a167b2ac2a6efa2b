"""``deid_check``: what a folder holds, beside the originals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from derive.deidentification.check.checker import DeidChecker
from derive.deidentification.check.needles import Needles, SearchedText, harvest
from derive.deidentification.check.pairing import Fingerprint, fingerprint, paired
from derive.deidentification.check.spots import Spots
from derive.deidentification.check.violation import DeidCheckReport, Violation, violation
from derive.deidentification.check.walk import NoWalk, walk
from derive.deidentification.profile.profile import BASIC, Profile, profile_of
from derive.deidentification.text.identifiers import DATE, UID, Identifier
from derive.reading.files import HEAD_LENGTH, Files, Origin, find, why_not_dicom
from derive.told.progress import counting

_DIRECTORY = "1.2.840.10008.1.3.10"
_MEDIA_CLASS = 0x00020002


@dataclass
class _Side:
    """The files of one side: where they are, and by what they are known. It is filled file by file."""

    origins: list[Origin] = field(default_factory=list)
    fingerprints: list[Fingerprint] = field(default_factory=list)
    identifiers: set[Identifier] = field(default_factory=set)
    others: list[Origin] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def deid_check(
    originals: Files | None, outputs: Files, profile: str | Profile = BASIC, *, vouched: bool = False
) -> DeidCheckReport:
    """Check what a de-identification wrote, whoever did it, against a profile and against the originals.

    Parameters
    ----------
    originals : path, iterable of paths, or None
        None where they are not at hand: then only what the written files say themselves is checked.
    outputs : path, or iterable of paths
    profile : str or Profile
        What was asked for, as :func:`derive.deidentification.profile.profile.profile_of` reads it.
    vouched : bool
        Whether a person, or a method that decides nothing by chance, answers for the pixels.

    Returns
    -------
    DeidCheckReport
        Files that cannot be read are violations; nothing is raised for them.

    Raises
    ------
    UsageError
        ``DEID-PROFILE``, ``DEID-OPTION``, ``DEID-DATES``.
    """
    profile = profile if isinstance(profile, Profile) else profile_of(profile)
    before = _side(originals, "originals", harvesting=True) if originals is not None else _Side()
    after = _side(outputs, "written files")
    checker = DeidChecker(profile, before.identifiers)
    pairs = paired(before.fingerprints, after.fingerprints)
    found = [violation("DCK-READ", "", "", name) for name in after.unreadable]
    for number, origin in counting("checking", enumerate(after.origins)):
        if number in pairs:
            original = _bytes(before.origins[pairs[number]])
            found += checker.pair(original, _bytes(origin), origin.name, vouched=vouched)
        else:
            found += checker.alone(_bytes(origin), origin.name)
    for origin in after.others:
        found += checker.foreign(_bytes(origin), origin.name)
    found += checker.finish()
    found += _missing(before, set(pairs.values()))
    found += _names(after, checker.searcher.wanted(before.identifiers))
    ordered = sorted(dict.fromkeys(found), key=lambda v: v.severity)
    return DeidCheckReport(tuple(ordered), len(after.origins) + len(after.unreadable), len(pairs))


def _side(files: Files, what: str, *, harvesting: bool = False) -> _Side:
    side, spots = _Side(), Spots()
    for origin in counting(f"reading {what}", _files(files)):
        with origin.open() as stream:
            head = stream.read(HEAD_LENGTH)
        if why_not_dicom(head, origin):
            side.others.append(origin)
            continue
        try:
            walked = walk(_bytes(origin), spots)
        except (NoWalk, OSError):
            side.unreadable.append(origin.name)
            continue
        if walked.meta.get(_MEDIA_CLASS, b"").strip(b" \0").decode("latin-1") == _DIRECTORY:
            side.others.append(origin)
            continue
        side.origins.append(origin)
        side.fingerprints.append(fingerprint(walked))
        if harvesting:
            side.identifiers |= harvest(walked)[1]
    return side


def _files(files: Files) -> Iterator[Origin]:
    return (found for found in find(files) if isinstance(found, Origin))


def _bytes(origin: Origin) -> bytes:
    with origin.open() as stream:
        return stream.read()


def _missing(before: _Side, used: set[int]) -> Iterator[Violation]:
    for number, origin in enumerate(before.origins):
        if number not in used:
            yield violation("DCK-NO-OUTPUT", "", "", origin.name)


def _names(after: _Side, identifiers: frozenset[Identifier]) -> Iterator[Violation]:
    """Judge the names of the written files and of their folders."""
    needles = Needles([i for i in identifiers if i.kind not in (DATE, UID)], others=True)
    uids = {i.text for i in identifiers if i.kind == UID}
    for origin in after.origins:
        text = SearchedText(origin.name.encode("utf-8", "replace"))
        if any(needles.found_in(text)) or any(uid in origin.name for uid in uids):
            yield violation("DCK-NAME", "", "", origin.name)
