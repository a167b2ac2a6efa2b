"""What an image says of the attributes that a plan asks for, as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from derive.elements.element import tag_of
from derive.elements.memory import Memory
from derive.errors import DeriveError
from derive.many.criteria import IMAGES
from derive.model.functional_groups import flattened
from derive.reading.frames import has_frames
from derive.reading.header import Header
from derive.reading.macros import groups_of

#: Of all series, whatever a plan asks for.
ALWAYS = frozenset({"PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber"})
#: Of an attribute that differs from image to image so many values are kept; of more nobody selects by.
MOST_VALUES = 256
_SIZES = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel")


class ImageFacts(NamedTuple):
    """What one file says.

    Parameters
    ----------
    facts : mapping keyword -> text
        Without what is absent or empty; several values stand between backslashes.
    samples : int
        Of its pixels, all frames.
    """

    facts: Mapping[str, str]
    samples: int


def facts_of(header: Header, keywords: Iterable[str]) -> ImageFacts:
    """Return what an image says; of one with frames also what its groups say of the first frame.

    Parameters
    ----------
    header : Header
    keywords : iterable of str
    """
    told = header.lenient
    facts = {keyword: _text(told, keyword) for keyword in keywords}
    lacking = [keyword for keyword, text in facts.items() if not text]
    if lacking and has_frames(header):
        facts |= _of_groups(header, lacking)
    sizes = [told.integer(keyword) for keyword in _SIZES]
    rows, columns, frames, samples = (size if size is not None and size > 0 else 1 for size in sizes)
    return ImageFacts({k: text for k, text in facts.items() if text}, rows * columns * frames * samples)


def merged(several: Iterable[Mapping[str, str]], images: int) -> dict[str, str]:
    """Return what a series says: of every attribute the values that its images have, each once, and how many there are.

    Of what differs from image to image the first :data:`MOST_VALUES` count.
    """
    values: dict[str, dict[str, None]] = {}
    for facts in several:
        for keyword, text in facts.items():
            known = values.setdefault(keyword, {})
            if len(known) < MOST_VALUES:
                known.update(dict.fromkeys(text.split("\\")))
    return {keyword: "\\".join(found) for keyword, found in values.items()} | {IMAGES: str(images)}


def _text(header: Header, keyword: str) -> str:
    return "\\".join(header.texts(keyword))


def _of_groups(header: Header, keywords: Iterable[str]) -> dict[str, str]:
    with suppress(DeriveError):  # groups that cannot be read say nothing; reading the series says why
        elements = dict(flattened(groups_of(header, Memory()).of(0)))
        frame = Header(header.name, elements, header.transfer_syntax, strict=False, around=header.encodings)
        return {k: text for k in keywords if tag_of(k) in elements and (text := _text(frame, k))}
    return {}
