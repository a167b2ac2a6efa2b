"""Free text that is kept, for a person to look at: each text once, with where it stands and in how many objects.

It is made only for who asks for it, since it holds values: those that nobody else has looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from derive.deidentification.engine.marks import APPENDED
from derive.deidentification.methods.values import texts_of
from derive.elements.element import tag_of
from derive.elements.encoding import text_of
from derive.elements.instance import encodings_named
from derive.rewriting.file import StoredFile
from derive.rewriting.stored import AttributePath, SequenceStep, StoredDataSet
from derive.writing.atomic import write_file

#: Values in which people write what they like.
FREE_TEXT = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "PN"})
#: Where a text stands, and what it is.
Kept: TypeAlias = tuple[str, str]
_CHARACTER_SET = tag_of("SpecificCharacterSet")
#: What derive wrote itself, and what is of a code and no text of anybody.
_NO_TEXT = frozenset(
    map(tag_of, ("CodeValue", "CodingSchemeDesignator", "CodeMeaning", "CodingSchemeVersion", "DeidentificationMethod"))
)
_HEAD = "path\tobjects\ttext"


def kept_texts(stored: StoredFile, replaced: Collection[str]) -> frozenset[Kept]:
    """Return the free texts of an object, at every depth.

    Parameters
    ----------
    stored : StoredFile
        As it is now.
    replaced : collection of str
        Paths of what was replaced by something else: nothing of that is kept.
    """
    return frozenset(k for k in _texts(stored.head, (), stored.instance.encodings) if k[0] not in replaced)


def _texts(dataset: StoredDataSet, above: tuple[SequenceStep, ...], encodings: tuple[str, ...]) -> Iterator[Kept]:
    for element in dataset.stored():
        path = AttributePath(element.tag, element.vr, element.creator, above)
        if element.vr == "SQ" and element.tag not in APPENDED:
            inner = (*above, SequenceStep(element.tag, element.creator))
            for item in dataset.items(element):
                named = item.elements.get(_CHARACTER_SET)
                own = encodings_named(text_of(named).split("\\")) if named else ()
                yield from _texts(item, inner, own or encodings)
        elif element.vr in FREE_TEXT and element.tag not in _NO_TEXT and not path.is_creator:
            text = "\\".join(texts_of(dataset.element(element), encodings)).strip()
            yield from [(path.text, text)] if text else []


def write_review(path: Path, kept: Mapping[Kept, int], *, overwrite: bool) -> None:
    """Write what was kept as lines: path, number of objects, text.

    Raises
    ------
    OutputError
        As :func:`derive.writing.atomic.write_file`.
    """
    rows = (f"{where}\t{count}\t{_told(text)}" for (where, text), count in sorted(Counter(kept).items()))
    write_file(path, "\n".join([_HEAD, *rows, ""]).encode(), overwrite=overwrite)


def _told(text: str) -> str:
    """Return a text on one line."""
    return text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
