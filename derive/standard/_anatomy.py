"""Parts of the body: Body Part Examined and the code of the anatomic region (PS3.16 Annex L)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from derive.standard._tables import rows

#: What coding schemes of SNOMED RT were called (PS3.16 8.1).
_SNOMED_RT = ("SRT", "SNM3", "99SDM")


@dataclass(frozen=True, slots=True)
class AnatomicRegion:
    """What a term of Body Part Examined means.

    Attributes
    ----------
    scheme, code, meaning : str
        Its code.
    paired : bool
        Whether there is one on each side.
    """

    scheme: str
    code: str
    meaning: str
    paired: bool


def anatomic_region(body_part: str) -> AnatomicRegion | None:
    """Return what a term of Body Part Examined means; None for one that the standard does not define.

    >>> anatomic_region("KNEE")
    AnatomicRegion(scheme='SCT', code='72696002', meaning='Knee', paired=True)
    """
    return _regions().get(body_part)


def body_part_of(scheme: str, code: str) -> str | None:
    """Return the term of Body Part Examined for a code, older ones and SNOMED RT too; None where there is none.

    >>> body_part_of("SCT", "69536005"), body_part_of("SRT", "T-D1100")
    ('HEAD', 'HEAD')
    """
    return _terms().get(("SRT" if scheme in _SNOMED_RT else scheme, code))


@cache
def _regions() -> dict[str, AnatomicRegion]:
    return {row[0]: AnatomicRegion(row[1], row[2], row[3], row[4] == "Y") for row in rows("body_parts")}


@cache
def _terms() -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for term, scheme, code, _, _, older, first in rows("body_parts"):
        if first == "Y":
            found[(scheme, code)] = term
            found.update({("SCT" if old.isdigit() else "SRT", old): term for old in older.split() if old != "-"})
    return found
