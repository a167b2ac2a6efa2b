"""What an object cannot be without, whatever a rule says: its class, what it is told by, and how its text is read.

*2026-11-30.* A mask or a value representation sweeps over more than its author thinks of, and an object without SOP
Class UID is none that anybody can store: one of the tools that we measured makes such files by its default rules. A
rule that names one of these attributes by itself is refused when it is read (``configs.rules``).
"""

from __future__ import annotations

from derive.elements.element import tag_of
from derive.rewriting.stored import AttributePath

#: They say what kind of object it is, and in which characters: any other value is wrong.
_KINDS = frozenset(map(tag_of, ("SOPClassUID", "MediaStorageSOPClassUID", "TransferSyntaxUID")))
_CHARACTER_SET = tag_of("SpecificCharacterSet")
#: It is told by them: new ones are as good, none are not.
_IDENTITY = frozenset(
    map(tag_of, ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "MediaStorageSOPInstanceUID"))
)
#: All of those.
NEEDED = tuple(sorted({*_KINDS, *_IDENTITY, _CHARACTER_SET}))
_TAKING_AWAY = ("remove", "redact")


def is_spared(path: AttributePath, method: str) -> bool:
    """Whether a rule of a person's own has no say over an attribute, as the object could not be without it.

    Examples
    --------
    >>> is_spared(AttributePath(tag_of("SOPInstanceUID"), "UI"), "remove")
    True
    >>> is_spared(AttributePath(tag_of("SOPInstanceUID"), "UI"), "refreshUID")
    False
    """
    if path.tag == _CHARACTER_SET:
        return method != "keep"
    if path.above:
        return False
    return (path.tag in _KINDS and method != "keep") or (path.tag in _IDENTITY and method in _TAKING_AWAY)
