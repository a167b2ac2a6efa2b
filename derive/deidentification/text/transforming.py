"""What becomes of a stretch of text that a detector found: the primitive transformations of Google's de-identification.

Each takes the stretch, and gives what stands in its place. The page that describes them
(cloud.google.com/healthcare-api, ``InfoTypeTransformation``) says what each setting means; where it leaves something
open, the same is done as for whole attributes: dates move by the shift of the patient, digests are keyed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from derive.deidentification.text.finding import Mention
from derive.deidentification.text.patterns import info_types

#: Year, month and day at the beginning, or day, month and year; what stands between them.
_YEAR_FIRST = re.compile(r"(\d{4})([-/. ]?)(\d{1,2})(\2)(\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})(\2)(\d{4})(?!\d)")


@dataclass(frozen=True)
class Stretch:
    """A stretch of a text that was found.

    Parameters
    ----------
    text : str
    mention : Mention
        What it is.
    days : int
        By which dates of this patient are moved.
    digest : callable (bytes) -> bytes
        The run's keyed digest.
    settings : mapping of str to object
        Of the transformation.
    """

    text: str
    mention: Mention
    days: int
    digest: Callable[[bytes], bytes]
    settings: Mapping[str, object] = field(default_factory=dict)


#: What Google's names for kinds of information cover of ours, where the two are not the same.
_COVERS = {
    "DATE": ("DATE_OF_BIRTH",),
    "FIRST_NAME": ("PERSON_NAME",),
    "LAST_NAME": ("PERSON_NAME",),
    "FEMALE_NAME": ("PERSON_NAME",),
    "MALE_NAME": ("PERSON_NAME",),
    "LOCATION": ("STREET_ADDRESS",),
    "ID": ("GENERIC_ID", "MEDICAL_RECORD_NUMBER", "UUID", "DICOM_UID"),
    "GENERIC_ID": ("MEDICAL_RECORD_NUMBER", "UUID"),
    "PHONE": ("PHONE_NUMBER",),
    "EMAIL": ("EMAIL_ADDRESS",),
    "MAC_ADDRESS_LOCAL": ("MAC_ADDRESS",),
}
#: Kinds that only the header tells, and no pattern.
_OF_HEADER = ("DATE_OF_BIRTH", "ORGANIZATION_NAME")


def known_info_types() -> tuple[str, ...]:
    """Return the names of kinds of information that a configuration may use."""
    return tuple(sorted({*info_types(), *_OF_HEADER, *_COVERS}))


def is_for(wanted: Sequence[str], info_type: str) -> bool:
    """Whether a transformation of some kinds is for one: that of none is for all."""
    return not wanted or any(info_type == name or info_type in _COVERS.get(name, ()) for name in wanted)


def redact(stretch: Stretch) -> str:
    """Leave nothing of it."""
    return ""


def mask(stretch: Stretch) -> str:
    """Put a character in the place of each letter and digit: ``*``, or ``masking_character``."""
    character = str(stretch.settings.get("masking_character") or "*")
    return "".join(character if c.isalnum() else c for c in stretch.text)


def hashed(stretch: Stretch) -> str:
    """Put the keyed digest of it in its place, in Base64: the same text is the same digest in all texts of the run."""
    return base64.b64encode(stretch.digest(stretch.text.strip().casefold().encode())).decode()


def named(stretch: Stretch) -> str:
    """Put the name of its kind in its place: ``[PERSON_NAME]``."""
    return f"[{stretch.mention.info_type}]"


def moved(stretch: Stretch) -> str:
    """Move a date by the shift of the patient, as it was written; redact what is none, or may be two dates.

    ``03/04/2024`` is a day of March or of April. Such a date goes, but where it cannot be read in two ways.
    """
    if match := _YEAR_FIRST.match(stretch.text):
        year, between, month, _, day = match.groups()
        wide = len(month) == len(day) == len("01")
        return _moved((year, month, day), stretch, lambda d: between.join(_numbers(d, wide)))
    if match := _YEAR_LAST.match(stretch.text):
        one, between, other, _, year = match.groups()
        wide = len(one) == len(other) == len("01")
        if between == "." or int(one) > 12:
            return _moved((year, other, one), stretch, lambda d: between.join(reversed(_numbers(d, wide))))
        if int(other) > 12:
            return _moved(
                (year, one, other), stretch, lambda d: between.join((*_numbers(d, wide)[1:], _numbers(d, wide)[0]))
            )
    return ""


def _moved(parts: tuple[str, str, str], stretch: Stretch, written: Callable[[date], str]) -> str:
    try:
        return written(date(*map(int, parts)) + timedelta(days=stretch.days))
    except (ValueError, OverflowError):
        return ""


def _numbers(day: date, wide: bool) -> tuple[str, str, str]:
    form = "02d" if wide else "d"
    return f"{day.year:04d}", f"{day.month:{form}}", f"{day.day:{form}}"


#: By the method that a configuration names.
TRANSFORMATIONS: Mapping[str, Callable[[Stretch], str]] = {
    "redact": redact,
    "characterMask": mask,
    "cryptoHash": hashed,
    "dateShift": moved,
    "replaceWithInfoType": named,
}
