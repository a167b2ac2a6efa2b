"""How private attributes are told in reports: by their creator where that is a known one.

A Private Creator is a text of the file as any other. One that no dictionary has may be a name, and is not repeated.
"""

from __future__ import annotations

from dataclasses import replace

from derive.deidentification.line.caution import Caution
from derive.deidentification.private.safe import known_creators
from derive.deidentification.profile.profile import Profile
from derive.rewriting.stored import AttributePath, SequenceStep

#: What stands for a creator that nobody knows.
UNKNOWN = "(another creator)"


def told(path: AttributePath, profile: Profile) -> str:
    """Return where an attribute stands, for a report.

    Parameters
    ----------
    path : AttributePath
    profile : Profile
        Whose own private attributes are known too.

    Examples
    --------
    >>> told(AttributePath(0x00291010, "OB", "SIEMENS CSA HEADER"), Profile())
    '(0029,"SIEMENS CSA HEADER",10)'
    >>> told(AttributePath(0x00291010, "OB", "DOE^JANE"), Profile())
    '(0029,"(another creator)",10)'
    """
    if not path.creator and not any(step.creator for step in path.above):
        return path.text
    known = known_creators() | {entry.creator for entry in profile.private}
    above = tuple(SequenceStep(tag, _shown(creator, known)) for tag, creator in path.above)
    return replace(path, creator=_shown(path.creator, known), above=above).text


def stands_twice(group: int) -> Caution:
    """Say that several blocks of a group have the same creator.

    Examples
    --------
    >>> stands_twice(0x21).code
    'SRC-CREATOR-TWICE'
    """
    text = f"several blocks of group {group:04X} have the same creator (PS3.5 7.8.1); what is said of it held for all"
    return Caution("SRC-CREATOR-TWICE", text)


def _shown(creator: str, known: frozenset[str] | set[str]) -> str:
    return creator if not creator or creator in known else UNKNOWN
