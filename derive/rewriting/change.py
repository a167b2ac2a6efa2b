"""What changes in one instance: attributes by their path, and the whole elements of the top level that follow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from derive.elements.element import Element
from derive.rewriting.file import StoredFile
from derive.rewriting.nested import NestedPath, with_nested
from derive.rewriting.rewrite import encoded
from derive.rewriting.splice import part_of
from derive.rewriting.stored import StoredDataSet


class AttributeChange(NamedTuple):
    """One attribute that becomes another, or goes.

    Parameters
    ----------
    path : NestedPath
    new : Element or None
        Its value as Explicit VR Little Endian, text in the character set that the instance has afterwards; None takes
        it out.
    """

    path: NestedPath
    new: Element | None


def parts_of(stored: StoredFile, changes: Iterable[AttributeChange]) -> dict[int, bytes | None]:
    """Return the whole elements of the top level that changes make, encoded as the file is.

    Parameters
    ----------
    stored : StoredFile
    changes : iterable of AttributeChange
        One after the other: a later one sees what an earlier one made.

    Raises
    ------
    UsageError
        ``COR-PATH`` where a sequence or an item is not there.
    """
    parts: dict[int, bytes | None] = {}
    for change in changes:
        if not change.path.above:
            parts[change.path.tag] = None if change.new is None else encoded(change.new, implicit=stored.implicit)
            continue
        top = change.path.above[0][0]
        part = parts[top] if top in parts else part_of(stored.head, top)
        parts[top] = with_nested(_alone(part or b"", stored), change.path, change.new)
    return parts


def _alone(part: bytes, stored: StoredFile) -> StoredDataSet:
    """Return a data set that holds one element."""
    return StoredDataSet.of(part, implicit=stored.implicit)
