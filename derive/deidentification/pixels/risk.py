"""Which images may have text burned in, or a face in them: ``risks.tsv`` decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from derive.deidentification.profile.profile import options
from derive.elements.element import Element, tag_of
from derive.elements.instance import Instance

#: What a risk does: the image is refused unless it is cleaned; refused if text is found in it; it is said that a face
#: may be recognised; it is said; it is no picture at all.
GATES = REFUSE, TEXT, FACE, TELL, NO_PICTURE = "refuse", "text", "face", "tell", "none"
_OPTION, _CLEAN = "pixels", "NO"


class HeaderTest(NamedTuple):
    """What an attribute says: one of some values, or one in which a word of some is."""

    keyword: str  # behind the sequences that hold it, joined by dots
    contains: bool
    values: tuple[str, ...]

    def holds(self, instance: Instance) -> bool:
        """Whether an image says so."""
        *sequences, keyword = self.keyword.split(".")
        holders = [instance]
        for sequence in sequences:
            holders = [item for holder in holders for item in holder.items(sequence)]
        found = [text.upper() for holder in holders for text in holder.texts(keyword)]
        if self.contains:
            return any(value in text for text in found for value in self.values)
        return any(text in self.values for text in found)


@dataclass(frozen=True)
class PictureRisk:
    """A row of ``risks.tsv``, or what was found in the picture itself.

    Parameters
    ----------
    name : str
    gate : str
        One of :data:`GATES`.
    look : bool
        Whether text is looked for in such images.
    meaning : str
        For people.
    """

    name: str
    gate: str
    look: bool
    meaning: str


@cache
def _rows() -> tuple[tuple[tuple[HeaderTest, ...], PictureRisk], ...]:
    text = files(__package__).joinpath("risks.tsv").read_text(encoding="utf-8")
    found = []
    for line in text.splitlines()[1:]:
        name, when, gate, look, meaning = line.split("\t")
        found.append((tuple(map(_condition, when.split(";"))), PictureRisk(name, gate, bool(look), meaning)))
    return tuple(found)


def _condition(text: str) -> HeaderTest:
    sign = "~" if "~" in text else "="
    keyword, _, values = text.partition(sign)
    return HeaderTest(keyword, sign == "~", tuple(values.split("|")))


def risks_of(instance: Instance) -> tuple[PictureRisk, ...]:
    """Return what an image's header makes one fear, each once."""
    said = tuple(filter(None, (instance.elements.get(tag) for tag in _asked_tags())))
    return _risks(said, instance.lenient.encodings)


@cache
def _asked_tags() -> tuple[int, ...]:
    return tuple({tag_of(condition.keyword.split(".")[0]) for conditions, _ in _rows() for condition in conditions})


@lru_cache(maxsize=512)
def _risks(said: tuple[Element, ...], encodings: tuple[str, ...]) -> tuple[PictureRisk, ...]:
    """A series says the same in all its images."""
    asked = Instance("an image", {e.tag: e for e in said}, strict=False, around=encodings)
    found = (risk for conditions, risk in _rows() if all(condition.holds(asked) for condition in conditions))
    return tuple({risk.name: risk for risk in found}.values())


def is_picture(risks: Iterable[PictureRisk]) -> bool:
    """Whether pixels are there to be looked at; labels and measurements are not."""
    return all(risk.gate != NO_PICTURE for risk in risks)


def is_said_clean(instance: Instance) -> bool:
    """Whether an image was cleaned before, and says so in both places (PS3.15 E.3.1)."""
    codes = {item.text("CodeValue") for item in instance.lenient.items("DeidentificationMethodCodeSequence")}
    return options()[_OPTION].code in codes and instance.lenient.text("BurnedInAnnotation").upper() == _CLEAN
