"""What an instance says of its frames as a whole: Image Type, and what becomes MIXED where they differ (C.8.16.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from derive import standard
from derive.checking.finding import Finding
from derive.checking.frames.groups import Grouped, places
from derive.elements.element import Element, tag_of
from derive.elements.instance import value_of
from derive.told.secrecy import shown_term
from derive.told.wording import counted

#: Attributes of the instance that say the same as those of its frames, or MIXED.
_SUMMED_UP = (
    "PixelPresentation",
    "VolumetricProperties",
    "VolumeBasedCalculationTechnique",
    "ComplexImageComponent",
    "AcquisitionContrast",
)
_IMAGE_TYPE, _FRAME_TYPE = "ImageType", "FrameType"
_MIXED, _VALUES = "MIXED", 4
#: Values of Image Type that become MIXED where those of the frames differ.
_MIXING = (1, 4)
#: Kinds of so many frames are told apart; nobody makes more.
_MOST_KINDS = 64


class Kinds:
    """Collects what each frame says of itself, and compares it with what the instance says."""

    def __init__(self, groups: Grouped) -> None:
        self._groups = groups
        self._tags = tuple(tag_of(keyword) for keyword in (_FRAME_TYPE, *_SUMMED_UP))
        self._seen: dict[tuple[Element | None, ...], int] = {}

    def add(self, number: int, frame: Mapping[int, Element]) -> None:
        """Take one frame."""
        if len(self._seen) < _MOST_KINDS:
            self._seen.setdefault(tuple(frame.get(tag) for tag in self._tags), number)

    def findings(self) -> Iterator[Finding]:
        """Judge Image Type and the like of the instance."""
        if _FRAME_TYPE not in places() or not self._asked(_IMAGE_TYPE):
            return
        yield from self._lengths()
        yield from self._types()
        for keyword in _SUMMED_UP:
            if self._asked(keyword):
                yield from self._summed_up(keyword)

    def _asked(self, keyword: str) -> bool:
        rule = self._groups.instance.iod.attributes.get(keyword)
        return rule is not None and rule.module in _of_frames(self._groups)

    def _values(self, keyword: str) -> dict[tuple[str, ...], int]:
        """Values of an attribute in the frames, and the first frame that has each."""
        index = self._tags.index(tag_of(keyword))
        found: dict[tuple[str, ...], int] = {}
        for kind, number in self._seen.items():
            element = kind[index]
            if element is not None and element.value:
                found.setdefault(_texts(element, self._groups.instance.encodings), number)
        return found

    def _lengths(self) -> Iterator[Finding]:
        """Image Type and Frame Type have four values (C.8.16.1); the third is never MIXED."""
        every = {(_IMAGE_TYPE, 0): tuple(self._groups.instance.texts(_IMAGE_TYPE))}
        every |= {(_FRAME_TYPE, number): values for values, number in self._values(_FRAME_TYPE).items()}
        more = self._groups.instance.text("MultienergyCTAcquisition") == "YES"
        for (keyword, number), values in every.items():
            of = f" in frame {number}" if number else ""
            if values and len(values) != _VALUES and not (more and len(values) == _VALUES + 1):
                message = f"has {counted(len(values), 'value')}{of}; wanted {_VALUES}"
                yield self._groups.find("CHK-IMAGETYPE", keyword, message)
            if values[2:3] == (_MIXED,):
                message = f"has the value 3 MIXED{of}; wanted that of the frames"
                yield self._groups.find("CHK-FRAMETYPE", keyword, message)

    def _types(self) -> Iterator[Finding]:
        """Values of Image Type against those of Frame Type."""
        image, frames = self._groups.instance.texts(_IMAGE_TYPE), self._values(_FRAME_TYPE)
        for values, frame in frames.items():
            if _MIXED in (values[:1] + values[3:4]):
                message = f"of frame {frame} is MIXED; a frame is of one kind"
                yield self._groups.find("CHK-FRAMETYPE", _FRAME_TYPE, message)
            if values[:1] == ("ORIGINAL",) and values[3:4] not in ((), ("",), ("NONE",)):
                message = f"of frame {frame} has the value 4 {_shown(values[3])} and is ORIGINAL; wanted NONE"
                yield self._groups.find("CHK-FRAMETYPE-ORIGINAL", _FRAME_TYPE, message)
        for number in range(1, _VALUES + 1):
            said = image[number - 1 : number]
            of_frames = {values[number - 1] for values in frames if len(values) >= number}
            wanted = {_MIXED} if len(of_frames) > 1 and number in _MIXING else of_frames
            if said and of_frames and said[0] not in wanted:
                message = f"has the value {number} {_shown(said[0])}; by its frames it is {_listed(wanted)}"
                yield self._groups.find("CHK-FRAMETYPE", _IMAGE_TYPE, message)

    def _summed_up(self, keyword: str) -> Iterator[Finding]:
        said, of_frames = self._groups.instance.text(keyword), {v[0] for v in self._values(keyword)}
        wanted = {_MIXED} if len(of_frames) > 1 else of_frames
        if _MIXED in of_frames:
            yield self._groups.find("CHK-FRAMETYPE", keyword, "of a frame is MIXED; a frame is of one kind")
        elif said and of_frames and said not in wanted:
            message = f"is {_shown(said)}; by the frames it is {_listed(wanted)}"
            yield self._groups.find("CHK-FRAMETYPE", keyword, message)


def _of_frames(groups: Grouped) -> frozenset[str]:
    """Modules that describe all frames of an image: those that have Pixel Presentation."""
    rules = groups.instance.iod.all_rules.get("PixelPresentation", ())
    return frozenset(rule.module for rule in rules)


def _texts(element: Element, encodings: tuple[str, ...]) -> tuple[str, ...]:
    value = value_of(element, encodings)
    values = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    return tuple(str(v).strip() for v in values)


def _shown(text: str) -> str:
    return shown_term(text, standard.known_terms()) if text else "none"


def _listed(values: set[str]) -> str:
    return " or ".join(sorted(map(_shown, values)))
