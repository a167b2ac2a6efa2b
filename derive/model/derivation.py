"""What was done: the steps of a derivation, as values (PS3.3 C.12.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from codes import Code
from derive.model.algorithm import Algorithm
from derive.model.geometry import Geometry
from derive.model.volume import Volume
from derive.pixels.compressions import Compression

if TYPE_CHECKING:
    from derive.model.classes import Target

_E = TypeVar("_E", bound=Enum)
#: A value of VR CS (PS3.5 6.2).
_CODE_STRING = re.compile(r"[A-Z0-9_ ]{1,16}")


class GeometryEffect(Enum):
    """What an operation does to the grid, mildest first."""

    KEEPS_GRID = "keeps_grid"
    NEW_GRID = "new_grid"
    PROJECTION = "projection"


class ValuesEffect(Enum):
    """What an operation does to the values, mildest first.

    KEEPS_VALUES: every value is one of the source's. KEEPS_QUANTITY: still the same quantity in the
    same units. NEW_QUANTITY: something else.
    """

    KEEPS_VALUES = "keeps_values"
    KEEPS_QUANTITY = "keeps_quantity"
    NEW_QUANTITY = "new_quantity"


@dataclass(frozen=True)
class Step:
    """One step of a derivation, with everything that is recorded of it.

    Parameters
    ----------
    name : str
        Name of the operation.
    code : Code, optional
        CID 7203 Image Derivation, or an extension of it; None where nobody said.
    description : str
        One line made from the bound parameters.
    parameters : mapping
        The bound parameters, defaults included.
    geometry_effect, values_effect
        What it does; an operation of unknown effect states it after it ran.
    new_plane : bool
        Whether the planes of the result have another orientation.
    units : str
        Units of a new quantity, empty while the quantity is kept.
    terms : mapping keyword -> Defined Term
        The standard's words for it in the attributes that have some, e.g. ``MAX_IP`` in Image Type.
    own_function : bool
        Whether a function of a user's own computed it.
    algorithm : Algorithm, optional
        Who computed it, where that was not this package.
    short : str
        What was done in a few words for Series Description, ``MIP cor 10/5 mm``; empty where nobody said.
    places_known : bool
        Whether what stands at a place of the result is known to come from that place: not so of a function or a
        file of a user's own, which may turn, shift or mirror on the same grid.
    before : tuple of Code
        What was done to another series before it entered, in front of the code of the step.
    compression : Compression, optional
        With what loss the result is encoded, of a step that is that.
    """

    name: str
    code: Code | None
    description: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    geometry_effect: GeometryEffect = GeometryEffect.KEEPS_GRID
    values_effect: ValuesEffect = ValuesEffect.KEEPS_QUANTITY
    new_plane: bool = False
    units: str = ""
    terms: Mapping[str, str] = field(default_factory=dict)
    own_function: bool = False
    algorithm: Algorithm | None = None
    short: str = ""
    places_known: bool = True
    before: tuple[Code, ...] = ()
    compression: Compression | None = None

    @property
    def label(self) -> str:
        """What was done in a few words, as a list of series shows it; else the name of the operation."""
        return self.short or self.name.replace("_", " ")


@dataclass(frozen=True)
class Derivation:
    """The steps from the source to the result, first one first.

    Parameters
    ----------
    steps : tuple of Step
    passes : bool
        Whether the pixels are those of the source, in instances of another form: nothing is derived.
    """

    steps: tuple[Step, ...] = ()
    passes: bool = False

    def then(self, step: Step) -> Derivation:
        """Return the derivation with one more step at its end."""
        return Derivation((*self.steps, step))

    @property
    def compression(self) -> Compression | None:
        """With what loss the result is encoded; None without."""
        return self.steps[-1].compression if self.steps else None

    @property
    def only_compressed(self) -> bool:
        """Whether nothing was done but that: stored values are those of the source, as far as they are left."""
        return bool(self.steps) and all(step.compression is not None for step in self.steps)

    @property
    def geometry_effect(self) -> GeometryEffect:
        """The strongest effect of any step on the grid."""
        return _strongest(GeometryEffect, [s.geometry_effect for s in self.steps])

    @property
    def values_effect(self) -> ValuesEffect:
        """The strongest effect of any step on the values."""
        return _strongest(ValuesEffect, [s.values_effect for s in self.steps])

    @property
    def new_plane(self) -> bool:
        """Whether any step gave the planes another orientation."""
        return any(s.new_plane for s in self.steps)

    @property
    def codes(self) -> tuple[Code, ...]:
        """Codes of the steps that have one, each behind those of what was done before it to another series."""
        return tuple(c for s in self.steps for c in (*s.before, s.code) if c is not None)

    @property
    def units(self) -> str:
        """Units that a step gave the values, the last one that did; empty where none did."""
        return next((s.units for s in reversed(self.steps) if s.units), "")

    @property
    def algorithms(self) -> tuple[Algorithm, ...]:
        """Who computed steps that this package did not, each once."""
        return tuple(dict.fromkeys(s.algorithm for s in self.steps if s.algorithm is not None))

    @property
    def own_computation(self) -> bool:
        """Whether anything but this package computed a step."""
        return any(s.own_function or s.algorithm is not None for s in self.steps)

    @property
    def places_known(self) -> bool:
        """Whether every step left what it computed at its place."""
        return all(s.places_known for s in self.steps)

    def terms(self, keyword: str) -> tuple[str, ...]:
        """Defined Terms for an attribute, of the steps that have one."""
        return tuple(term for s in self.steps if keyword in s.terms for term in s.terms[keyword].split("\\"))

    @property
    def description(self) -> str:
        """Derivation Description of the steps."""
        return "; ".join(s.description for s in self.steps)

    def image_type(self, target: Target, said: Sequence[str] = ()) -> list[str]:
        """Image Type (C.8.2.1.1.1, C.8.3.1.1.1); no step at all is ORIGINAL.

        Parameters
        ----------
        target : Target
        said : sequence of str
            That of the source, while the quantity is kept. What it says beyond value 2 says what the image is of, and
            stays: of T2 it is in any plane. A value 3 that the class does not list is said behind one that it does.
            A free term comes fifth, since CT gives the fourth a meaning.
        """
        effect = self.geometry_effect
        if not self.steps:
            return ["ORIGINAL", target.original_2, *filter(None, [target.value_3[effect.value]])]
        key = "new_plane" if effect is GeometryEffect.NEW_GRID and self.new_plane else effect.value
        third = target.value_3[key]
        if not third:
            legal = [term if _CODE_STRING.fullmatch(term) else "" for term in said[2:]]
            kept = _without_blanks(["DERIVED", target.value_2, *(legal if target.value_3_tells else ())])
            return [*kept, ""] if target.value_3_tells == "nothing" and not any(kept[2:]) else kept
        own, more = third, [term if _CODE_STRING.fullmatch(term) else "" for term in said[2:]]
        quantities = [t for t in self.terms("ImageType") if t in target.terms_3 and t not in target.value_3.values()]
        third = quantities[-1] if quantities else third  # what an image is of is said before how it lies
        before, rest = (more[0], more[1:]) if more else ("", [])
        if before in target.terms_3 and (before not in target.value_3.values() or key in ("keeps_grid", "new_grid")):
            third = before
        elif before and before not in target.terms_3 and target.value_4 == "free":
            rest = [before, *rest]
        added = [t for t in self.terms("ImageType") if t != third]
        terms = [*([own] if own not in (third, target.value_3["keeps_grid"]) else []), *added]
        values = ["DERIVED", target.value_2, third, *(rest or [""]), *(t for t in terms if t not in rest)]
        return _without_blanks(values)


def _without_blanks(values: list[str]) -> list[str]:
    """Leave out what is empty at the end."""
    while not values[-1]:
        values.pop()
    return values


def _strongest(kind: type[_E], effects: list[_E]) -> _E:
    order = list(kind)
    return max(effects, key=order.index, default=order[0])


@dataclass(frozen=True)
class Typed:
    """A value as somebody typed it: a function is called with the value, and the record has the text.

    ``2.10`` is a version as well as a number, and ``1e3`` is not ``1000.0`` to who reads the record (2026-11-30).
    """

    value: Any
    text: str


def short_text_of(value: Any) -> str:
    """Write a parameter for people, in a few characters: six digits, several numbers with a slash between them."""
    if isinstance(value, Typed):
        return value.text
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, tuple | list):
        return "/".join(map(short_text_of, value))
    if isinstance(value, int | float | np.number):
        return f"{float(value):g}"
    return ""


def text_of(value: Any) -> str:
    """Write a parameter so that it can be read back: numbers shortest, a grid by its series or its size."""
    if isinstance(value, np.generic | np.ndarray):  # their own words for themselves depend on numpy's version
        plain = value.tolist()
        value = tuple(plain) if isinstance(plain, list) else plain
    if isinstance(value, Typed):
        return repr(value.text)
    if isinstance(value, float):
        return repr(float(value)).removesuffix(".0")
    if hasattr(value, "recorded"):
        return repr(value.recorded)
    if hasattr(value, "series_instance_uid"):
        return repr(value.series_instance_uid)
    if isinstance(value, Algorithm):
        return repr(str(value))
    if isinstance(value, Volume):
        return text_of(value.geometry)
    if isinstance(value, Geometry):
        numbers = (*value.first_position, *value.row_cosines, *value.column_cosines)
        return repr(f"grid {value.shape} {value.spacing} mm at {' '.join(map(text_of, numbers))}")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k!r}: {text_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple) and len(value) == 1 and hasattr(value[0], "recorded"):
        return text_of(value[0])
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(text_of, value)) + ")"
    if callable(value):
        named = value if hasattr(value, "__qualname__") else type(value)  # an object that can be called has no name
        return repr(f"{named.__module__}:{named.__qualname__}")
    return repr(value)
