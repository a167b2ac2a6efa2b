"""Text in a picture: looked for, weighed, and said where it stands; never what it says.

It finds much of what stands on black, less of what stands on colour, and little of what stands on bright tissue: it
is a detector, and nothing is called clean for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from derive.deidentification.pixels.blanked import StoredValue, frames_of
from derive.deidentification.pixels.layout import as_it_lies, sample_layout
from derive.deidentification.pixels.picture import picture_of
from derive.deidentification.pixels.plan import PixelPlan
from derive.deidentification.pixels.tesseract import SeenWord, check_there, is_there, words_in
from derive.deidentification.text.finding import found_in
from derive.deidentification.text.identifiers import ID, KINDS, NAME, Identifier, identifiers_of
from derive.elements.instance import Instance
from derive.limits import check_unpacked
from derive.pixels.area import Area
from derive.pixels.recode import decoded
from derive.pixels.samples import Native, SampleLayout

#: Frames of a multi-frame image that are looked at, spread over all of it: what is burned in stands in all.
MOST_FRAMES = 8
#: Words of so many letters and digits count from this confidence on: what is long is seldom noise. 2026-11-30: of 90
#: drawn words 73 are found so, and 5 % of the rest of a picture is blanked; 78 and 9 % where less is asked of short
#: ones.
_COUNTS = {5: 0, 4: 20, 3: 40, 2: 70, 1: 90}
#: What is of this patient, or like a date, counts from this one on, and stops an image from that one on.
_SENSITIVE_COUNTS, _SENSITIVE_SURE = 20, 40
#: Sure enough to stop an image: such a confidence, and so many letters and digits.
_SURE, _SURE_LENGTH = 60, 3
#: Pixels around a word that are blank too.
_AROUND = 2
#: A word is a name, an id, if it is so much alike: an engine takes O for 0.
_ALIKE, _SHORTEST = 0.8, 4


@dataclass(frozen=True)
class Reading:
    """What was recognised in the pictures of an object.

    Parameters
    ----------
    words : tuple of SeenWord
        Those that count. They are values: nobody is told them.
    areas : tuple of Area
        Where these stand, and a bit around.
    frames : int
        How many were looked at.
    is_text : bool
        Whether it is sure that there is text: a word of three letters or digits, or one of this patient.
    not_looked : bool
        Whether nobody could look: there is no tesseract.
    """

    words: tuple[SeenWord, ...] = field(default=(), repr=False)
    areas: tuple[Area, ...] = ()
    frames: int = 0
    is_text: bool = False
    not_looked: bool = False


def read(stored: StoredValue, instance: Instance, plan: PixelPlan) -> Reading:
    """Look for text in some frames of an image.

    Raises
    ------
    UsageError
        ``DEID-OCR`` if it was asked for, and there is no tesseract.
    ValuesError, SourceError
        If the pixels cannot be decoded, or the program fails.
    """
    if not plan.ocr and not is_there():
        return Reading(not_looked=True)
    check_there()
    layout = sample_layout(instance)
    chosen = sorted({round(n) for n in np.linspace(0, layout.frames - 1, min(MOST_FRAMES, layout.frames))})
    words: list[SeenWord] = []
    for number, (samples, own) in zip(chosen, _samples(stored, instance, layout, chosen), strict=True):
        words += words_in(picture_of(samples, own, instance), number)
    likely = [word for word in words if word.confidence >= _SENSITIVE_COUNTS]
    sensitive = sensitive_words(likely, identifiers_of(instance))
    words = [word for word in words if counts(word)]
    counted = sensitive if plan.ocr_text == "sensitive" else words
    areas = tuple(dict.fromkeys(_around(word.area, layout) for word in counted))
    sure = [w for w in words if w.confidence >= _SURE and _letters(w.text) >= _SURE_LENGTH]
    sure += [word for word in sensitive if word.confidence >= _SENSITIVE_SURE]
    return Reading(tuple(counted), areas, len(chosen), bool(sure))


def counts(word: SeenWord) -> bool:
    """Whether a word is taken for one: the longer it is, the less sure the engine has to be."""
    letters = _letters(word.text)
    return any(letters >= length and word.confidence >= least for length, least in _COUNTS.items())


def _samples(
    stored: StoredValue, instance: Instance, layout: SampleLayout, chosen: list[int]
) -> Iterator[tuple[NDArray[np.generic], SampleLayout]]:
    """Give the allocated words of some frames, and what they mean."""
    if not stored.encapsulated:
        layout = as_it_lies(layout, len(stored.value))
        native = Native(stored.value, layout, stored.vr, instance.name).words
        yield from ((native[number], layout) for number in chosen)
        return
    check_unpacked(instance.name, layout.native_length, len(stored.value))
    wanted, frames = iter(chosen), frames_of(instance, stored, layout)
    at = 0
    for number in wanted:
        frame = next(islice(frames, number - at, None))
        at = number + 1
        words, photometric = decoded(frame, layout, instance.name)
        yield words, layout._replace(photometric=photometric)


def sensitive_words(words: Iterable[SeenWord], own: frozenset[Identifier]) -> list[SeenWord]:
    """Return the words that name somebody: of this patient's header, alike to it, or a date, a number, a telephone."""
    lines: dict[tuple[int, ...], list[SeenWord]] = defaultdict(list)
    for word in words:
        lines[word.line].append(word)
    terms = {part for i in own if i.kind in (NAME, ID) for part in _parts(i.text)}
    return [word for line in lines.values() for word in _sensitive(line, own, terms)]


def _sensitive(line: list[SeenWord], own: frozenset[Identifier], terms: set[str]) -> Iterator[SeenWord]:
    text, starts = "", []
    for word in line:
        starts.append(len(text))
        text += word.text + " "
    mentions = found_in(text, own, frozenset(KINDS))
    for word, start in zip(line, starts, strict=True):
        end = start + len(word.text)
        if any(m.start < end and m.end > start for m in mentions) or _is_alike(word.text, terms):
            yield word


def _is_alike(text: str, terms: set[str]) -> bool:
    return any(
        SequenceMatcher(None, part, term, autojunk=False).ratio() >= _ALIKE for part in _parts(text) for term in terms
    )


def _parts(text: str) -> list[str]:
    parts = "".join(c if c.isalnum() else " " for c in text.casefold()).split()
    return [part for part in parts if len(part) >= _SHORTEST]


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _around(area: Area, layout: SampleLayout) -> Area:
    return Area(
        max(0, area.left - _AROUND),
        max(0, area.top - _AROUND),
        min(layout.columns, area.right + _AROUND),
        min(layout.rows, area.bottom + _AROUND),
    )
