"""What kind of frames a derivation makes, in the four values of multi-frame images (PS3.3 C.8.16.1, C.8.16.2.1).

``derived_contrast.tsv`` has what each derivation code (CID 7203) makes of them: the derived pixel contrast, which is
value 4 of Image Type and of Frame Type; the Volume Based Calculation Technique; and the Volumetric Properties. Blank is
as it was.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from derive.model.derivation import Derivation, Step, ValuesEffect

#: Nothing was derived (C.8.16.1.4, C.8.16.2.1.3); frames that differ; a voxel is what it seems.
NONE, MIXED, VOLUME = "NONE", "MIXED", "VOLUME"
#: Volumetric Properties, what says least of a voxel last (C.8.16.2.1.2).
_PROPERTIES = (VOLUME, "SAMPLED", "DISTORTED")
#: Of a step whose code the table does not have.
_ANY_FILTER, QUANTITY = "FILTERED", "QUANTITY"
_VALUES = 4


@dataclass(frozen=True)
class FrameKind:
    """What a frame is, in the words of the frame type macros.

    Parameters
    ----------
    frame_type : tuple of str
        Four values.
    properties : str
        Volumetric Properties.
    technique : str
        Volume Based Calculation Technique.
    """

    frame_type: tuple[str, ...]
    properties: str
    technique: str


@cache
def _rows() -> Mapping[str, Mapping[str, str]]:
    text = files(__package__).joinpath("derived_contrast.tsv").read_text(encoding="utf-8")
    return {line["code"]: line for line in csv.DictReader(text.splitlines(), delimiter="\t")}


def kind_of(derivation: Derivation, flavour: str, source: FrameKind | None = None) -> FrameKind:
    """Return what a derivation makes of frames.

    Parameters
    ----------
    derivation : Derivation
    flavour : str
        Value 3 where no source says one.
    source : FrameKind, optional
        What the frames are that it is made of, while they are of the same quantity.
    """
    before = source or FrameKind((), VOLUME, NONE)
    if derivation.passes:
        return _as_said(before)
    said = before.frame_type if len(before.frame_type) >= _VALUES else ("", "", flavour, NONE)
    lines = [_line(step) for step in derivation.steps]
    contrast = _last([said[3], *(line["value_4"] for line in lines)]) or _ANY_FILTER
    technique = _last([before.technique, *(line["technique"] for line in lines)])
    properties = [before.properties, *(line["properties"] for line in lines)]
    if not lines:
        return FrameKind(("ORIGINAL", "PRIMARY", said[2], NONE), VOLUME, NONE)
    worst = max((p for p in properties if p in _PROPERTIES), key=_PROPERTIES.index, default=VOLUME)
    return FrameKind(("DERIVED", "PRIMARY", said[2] or flavour, contrast), worst, technique or NONE)


def _as_said(source: FrameKind) -> FrameKind:
    """Return what frames that pass say, in as many values as there have to be.

    Value 2 can be nothing but PRIMARY (C.8.16.1.2). Value 4 of what was acquired is NONE (C.8.16.1.4); of what was
    derived nobody knows it, and it is empty (A.70).
    """
    first, *rest = (source.frame_type or ("ORIGINAL",))[:_VALUES]
    values = [first, "PRIMARY", *rest[1:], *[""] * (_VALUES - 1 - max(1, len(rest)))]
    values[3] = values[3] or (NONE if first == "ORIGINAL" else "")
    return FrameKind(tuple(values), source.properties or VOLUME, source.technique or NONE)


def _line(step: Step) -> Mapping[str, str]:
    """Row of its code; of one that the table lacks, what the step says itself, or what is known of its effect."""
    found, said = _rows().get(step.code.value if step.code else ""), step.terms.get("FrameType")
    if found is not None and said is None:
        return found
    effect = step.values_effect
    contrast = said or QUANTITY if effect is ValuesEffect.NEW_QUANTITY else _ANY_FILTER
    return {"value_4": contrast, "technique": "", "properties": ""}


def _last(terms: Iterable[str]) -> str:
    """Return the last term that says something."""
    return next((t for t in reversed(list(terms)) if t not in ("", NONE, MIXED)), "")


def together(kinds: Iterable[FrameKind]) -> FrameKind:
    """Return what an instance of such frames is: MIXED in values 1 and 4 where they differ (C.8.16.1)."""
    found = list(dict.fromkeys(kinds))
    columns = list(zip(*(k.frame_type for k in found), strict=False))
    first, second, third, fourth = (_one(c) for c in columns)
    values = (first, second, third if third != MIXED else VOLUME, fourth)
    return FrameKind(values, _one([k.properties for k in found]), _one([k.technique for k in found]))


def _one(terms: Sequence[str]) -> str:
    return terms[0] if len(set(terms)) == 1 else MIXED
