"""Steps as Derivation Description (0008,2111) holds them, parsed with :mod:`ast`; nothing of it is evaluated.

It has a call a step, ``resample(spacing_mm=2); gaussian_blur(sigma_mm=1.5)``, behind the source's own description.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from codes import Code
from derive.authoring.entities.references import ELISION
from derive.elements.confidential import MASKED
from derive.errors import DeriveError
from derive.model.assumption import ASSUME
from derive.model.geometry import Geometry, triple
from derive.operations import REGISTRY, Operation
from derive.operations.declaration import FOUND, CurvePoints, Function, Grid, Registration
from derive.operations.kit.curve import DIGEST
from derive.operations.kit.others import interpolates_others
from derive.version import VERSION

#: What a conversion of files that are no DICOM is recorded as.
CONVERT = "convert"
#: What pages of pictures are recorded as.
CAPTURE = "capture"
_CALL = re.compile(r"[A-Za-z_]\w*\(")
_SEPARATOR = "; "
#: No call has more separators, no text more characters (the attribute has 1024).
_MOST_PARTS, _LONGEST = 64, 1 << 14
#: How numbers of a grid begin, where no series is recorded.
GRID = "grid "
_GRID = re.compile(rf"{GRID}(\(.*\)) (\(.*\)) mm at (.+)")


@dataclass(frozen=True)
class RecordedStep:
    """One step of Derivation Description.

    Parameters
    ----------
    text : str
        As recorded.
    name : str
        Name of the operation; empty for words that are no call.
    parameters : mapping
        Those that could be read.
    code : Code, optional
        Its item of Derivation Code Sequence.
    why_not : str
        Why it cannot be computed again; empty where it can.
    """

    text: str
    name: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    code: Code | None = None
    why_not: str = ""

    @property
    def recomputable(self) -> bool:
        """Whether it is an operation of this package, with parameters that it takes."""
        return not self.why_not

    @property
    def grids(self) -> Mapping[str, str]:
        """What is recorded of grids of other series, by parameter: a Series Instance UID, or numbers."""
        kind = REGISTRY.get(self.name)
        names = kind.taking(Grid) if kind else ()
        return {name: str(self.parameters[name]) for name in names if self.parameters.get(name)}

    @property
    def makes_colours(self) -> bool:
        """Whether it makes colours of values."""
        kind = REGISTRY.get(self.name)
        return kind is not None and kind.makes_colours

    @property
    def registrations(self) -> Mapping[str, str]:
        """What is recorded of registrations, by parameter: SOP Instance UID of an object, or digest of a file."""
        kind = REGISTRY.get(self.name)
        return {name: str(self.parameters.get(name)) for name in (kind.taking(Registration) if kind else ())}

    @property
    def shown(self) -> RecordedStep:
        """The same as it may be shown: what others wrote into the attribute is free text, and may name anybody."""
        return self if self.name else replace(self, text=MASKED)

    @property
    def others(self) -> Mapping[str, tuple[str, ...]]:
        """What is recorded of other series whose values entered, by parameter: Series Instance UIDs, or digests."""
        kind = REGISTRY.get(self.name)
        said = {name: self.parameters.get(name) for name in (kind.others if kind else ())}
        return {name: tuple(map(str, v)) if isinstance(v, tuple) else (str(v),) for name, v in said.items() if v}

    def operation(self, series: Mapping[str, Any] | None = None) -> Operation:
        """Return the operation with its parameters bound.

        Parameters
        ----------
        series : mapping name -> SourceSeries, Geometry, or sequence of them, optional
            Stand for the recorded :attr:`grids` and :attr:`others`.

        Raises
        ------
        UsageError
            ``OP-PARAMETER`` for parameters that it does not take.
        """
        return REGISTRY[self.name](**{**self.parameters, **(series or {})})

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        code = self.code
        return {
            "text": self.text,
            "name": self.name,
            "parameters": {k: _plain(v) for k, v in self.parameters.items()},
            "code": code and {"value": code.value, "scheme": code.scheme, "meaning": code.meaning},
            "recomputable": self.recomputable,
            "why_not": self.why_not,
        }


def _plain(value: Any) -> Any:
    """Return a literal as JSON has it; what JSON has not, as its text."""
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    return repr(value)


def steps_of(text: str, codes: Sequence[Code] = ()) -> tuple[RecordedStep, ...]:
    """Parse Derivation Description.

    Parameters
    ----------
    text : str
    codes : sequence of Code
        Items of Derivation Code Sequence, which has one a step, those of the source's own steps in front.
    """
    steps = [_step(part) for part in _parts(text[:_LONGEST]) if part.name != ASSUME]
    left = list(codes)
    for place, step in reversed(list(enumerate(steps))):
        if step.name and left:
            steps[place] = replace(step, code=left.pop())
        if left and interpolates_others(step.parameters) and step.others:
            left.pop()  # that of the interpolation in front of it
    return tuple(steps)


def assumed_in(text: str) -> Mapping[str, Any]:
    """Return what a person assumed of the source, as a description records it, by keyword.

    The value is an ellipsis where it stands in the attribute itself and nowhere else.
    """
    return {k: v for part in _parts(text[:_LONGEST]) if part.name == ASSUME for k, v in part.parameters.items()}


def own_part(recorded: str, source: str) -> str:
    """Return a Derivation Description without that of the source, which stands in front, whole or cut."""
    source = source.strip()
    if source and recorded.startswith(f"{source}{_SEPARATOR}"):
        return recorded[len(source) + len(_SEPARATOR) :]
    mark = f" {ELISION}{_SEPARATOR}"
    at = recorded.find(mark)
    while source and at >= 0:
        if source.startswith(recorded[:at]):
            return recorded[at + len(mark) :]
        at = recorded.find(mark, at + 1)
    return recorded


def recorded_grid(text: str, frame_of_reference_uid: str) -> Geometry | None:
    """Return the grid that :func:`derive.model.derivation.text_of` wrote as numbers; None for anything else."""
    match = _GRID.fullmatch(text)
    if match is None:
        return None
    try:
        shape, spacing = (ast.literal_eval(match[i]) for i in (1, 2))
        numbers = [float(n) for n in match[3].split()]
        slices, rows, columns = (int(n) for n in shape)
        between_slices, between_rows, between_columns = (float(s) for s in spacing)
        position, row, column = (triple(numbers[i : i + 3]) for i in (0, 3, 6))
        pixels, size = (between_rows, between_columns), (slices, rows, columns)
        return Geometry(position, row, column, pixels, between_slices, size, frame_of_reference_uid)
    except (DeriveError, ValueError, SyntaxError, TypeError):
        return None


class Call(NamedTuple):
    """A call as it is written: its name, the parameters that are literals, and the names of those that are not."""

    text: str
    name: str = ""
    parameters: Mapping[str, Any] = {}
    unreadable: tuple[str, ...] = ()


def _parts(text: str) -> list[Call]:
    """Cut a description into calls and the words between them; the shortest text that is a call is one."""
    borders = [m.start() for m in re.finditer(re.escape(_SEPARATOR), text)]
    starts, ends = [0, *(b + len(_SEPARATOR) for b in borders)], [*borders, len(text)]
    parts: list[Call] = []
    place, words = 0, -1
    while place < len(starts):
        tried = (call_of(text[starts[place] : e]) for e in ends[place : place + _MOST_PARTS])
        call = next((c for c in tried if c is not None), None) if _CALL.match(text, starts[place]) else None
        if call is None:
            words = place if words < 0 else words
            place += 1
            continue
        if words >= 0:
            parts.append(Call(text[starts[words] : ends[place - 1]]))
        parts.append(call)
        words, place = -1, ends.index(starts[place] + len(call.text)) + 1
    if words >= 0 and text[starts[words] :].strip():
        parts.append(Call(text[starts[words] :]))
    return parts


def call_of(text: str) -> Call | None:
    """Return a call with keyword arguments only; None for anything else."""
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
        return None
    parameters, unreadable = {}, []
    for keyword in node.keywords:
        try:
            parameters[str(keyword.arg)] = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            unreadable.append(str(keyword.arg))
    return Call(text, node.func.id, parameters, tuple(unreadable))


def _step(call: Call) -> RecordedStep:
    parameters = {k: v for k, v in call.parameters.items() if k != FOUND}  # it is found anew
    return RecordedStep(call.text, call.name, parameters, None, _why_not(call._replace(parameters=parameters)))


def _why_not(call: Call) -> str:
    if not call.name:
        return "words, not a step of derive: other software, or somebody who said what was done"
    if call.name == CONVERT:
        form = call.parameters.get("format", "unknown format")
        return f"the values come from a file that is no DICOM ({form}), which no attribute refers to"
    if call.name == CAPTURE:
        return "pages of pictures, which are not drawn again"
    kind = REGISTRY.get(call.name)
    if kind is None:
        return f"derive {VERSION} has no operation {call.name}"
    for name in kind.taking(Function):
        return f"a function of a user's own, {call.parameters.get(name, 'unnamed')}: its code is not in the file"
    for name in kind.taking(CurvePoints):
        if str(call.parameters.get(name)).startswith(DIGEST):
            return "the curve has more points than a description has room for, and of them only a digest is recorded"
    if call.unreadable:
        return f"{', '.join(call.unreadable)} cannot be read back from the record"
    try:
        kind(**{**call.parameters, **dict.fromkeys(kind.others, ())})
    except DeriveError as error:
        return f"derive {VERSION} does not take its parameters ({error.message})"
    return ""
