"""How an operation is declared: one function that knows no DICOM, one decorator that says what it does.

From the declaration come the Python call, the sub-command with its flags and help, the Derivation
Description, Image Type, the policy's conditions, and the contract tests over :data:`REGISTRY`.

A parameter's annotation is one of the types below, ``float``, ``int``, ``bool``, ``str``, a ``Literal``,
or any of them ``| None``; its help is its entry in the docstring's *Parameters*.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NewType

import codes
from codes import Code
from derive.errors import GeometryError, UsageError
from derive.model.derivation import GeometryEffect, Step, ValuesEffect, text_of
from derive.model.geometry import Geometry
from derive.model.source import SourceSeries
from derive.model.volume import Volume

#: One length for all axes, or x y z.
Millimetres = float | tuple[float, float, float]
#: The grid of another series.
Grid = SourceSeries | Volume | Geometry
#: A function of the user's: a callable, or ``package.module:name``.
Function = Callable[..., Any] | str
#: Arguments of the user's function: ``--param name=value``, repeated.
Parameters = Mapping[str, Any]
#: Text of a code: keyword, value or meaning of CID 7203, or ``99SCHEME:VALUE:Meaning``.
CodeText = NewType("CodeText", str)

#: Every operation by name, in the order of import.
REGISTRY: dict[str, OperationKind] = {}


@dataclass(frozen=True)
class OperationKind:
    """An operation that has been declared and not yet been given its parameters.

    Calling it with the parameters makes an :class:`Operation`.

    Parameters
    ----------
    function : callable (volume, **parameters) -> Volume
    code : str, optional
        Keyword in CID 7203; None where the parameter ``code`` gives it.
    geometry_effect, values_effect : optional
        What it does; None where only the result tells.
    code_in_new_plane : str, optional
        Keyword in CID 7203 where the result's planes have another orientation.
    image_type_term : str
        Free term for Image Type.
    reprojection_method : str
        PET Reprojection Method (C.8.9.1.1.13).
    takes_tilt : bool
        Whether it takes a stack that leans, whose voxels are sheared; who does not say so is given none.
    """

    function: Callable[..., Volume]
    code: str | None
    geometry_effect: GeometryEffect | None
    values_effect: ValuesEffect | None
    code_in_new_plane: str | None = None
    image_type_term: str = ""
    reprojection_method: str = ""
    takes_tilt: bool = False

    @property
    def name(self) -> str:
        """Name in Python; the command line has hyphens for its underscores."""
        return self.function.__name__

    @property
    def signature(self) -> inspect.Signature:
        """The parameters, without the volume, annotations resolved."""
        signature = inspect.signature(self.function, eval_str=True)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __call__(self, **parameters: Any) -> Operation:
        """Bind the parameters.

        Raises
        ------
        UsageError
            ``OP-PARAMETER`` for one that is missing or unknown.
        """
        try:
            bound = self.signature.bind(**parameters)
        except TypeError as error:
            raise UsageError(
                "OP-PARAMETER", f"{self.name}: {error}; it takes {', '.join(self.signature.parameters)}"
            ) from None
        bound.apply_defaults()
        return Operation(self, dict(bound.arguments))


def operation(
    code: str | None,
    geometry: GeometryEffect | None,
    values: ValuesEffect | None,
    **details: Any,
) -> Callable[[Callable[..., Volume]], OperationKind]:
    """Declare a function (volume, parameters) -> volume as an operation.

    Parameters
    ----------
    code, geometry, values, **details
        As in :class:`OperationKind`.
    """

    def declare(function: Callable[..., Volume]) -> OperationKind:
        kind = OperationKind(function, code, geometry, values, **details)
        REGISTRY[kind.name] = kind
        return kind

    return declare


@dataclass(frozen=True)
class Operation:
    """An operation with its parameters bound: a value that can be printed, compared and stored."""

    kind: OperationKind
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, volume: Volume) -> Volume:
        """Apply to a volume; nothing is computed before a slab of the result is asked for.

        Raises
        ------
        GeometryError
            ``GEO-TILT`` for a tilted stack, unless the operation is declared to take one.
        """
        if not self.kind.takes_tilt:
            for given in (volume, *self.parameters.values()):
                _refuse_tilt(self.kind.name, given)
        return self.kind.function(volume, **self.parameters)

    def __str__(self) -> str:
        """Return one parsable line, ``gaussian_blur(sigma_mm=1.5)``; parameters left at None are left out."""
        shown = {k: v for k, v in self.parameters.items() if v is not None}
        return f"{self.kind.name}({', '.join(f'{k}={text_of(v)}' for k, v in shown.items())})"

    def step(self, before: Volume, after: Volume) -> Step:
        """Return the record of this step, its effects checked against what came out."""
        kind = self.kind
        new_plane = not before.geometry.same_plane(after.geometry)
        keyword = kind.code_in_new_plane if new_plane and kind.code_in_new_plane else kind.code
        units = str(self.parameters.get("units") or "")
        return Step(
            name=kind.name,
            code=derivation_code(keyword or str(self.parameters["code"])),
            description=str(self),
            parameters=dict(self.parameters),
            geometry_effect=kind.geometry_effect or _found_effect(before, after),
            values_effect=kind.values_effect or (ValuesEffect.NEW_QUANTITY if units else ValuesEffect.KEEPS_QUANTITY),
            new_plane=new_plane,
            units=units,
            image_type_term=kind.image_type_term,
            reprojection_method=kind.reprojection_method,
        )


def _refuse_tilt(name: str, given: Any) -> None:
    geometry = given.geometry if isinstance(given, Volume | SourceSeries) else given
    if isinstance(geometry, Geometry) and geometry.tilted:
        raise GeometryError(
            "GEO-TILT",
            f"{name}: the slices shift by {geometry.slice_shift} mm, along rows and columns, from one to the next "
            "(gantry tilt), and it takes only what is stacked along the normal. Rectify it first",
        )


def _found_effect(before: Volume, after: Volume) -> GeometryEffect:
    same = before.geometry.same_grid(after.geometry)
    return GeometryEffect.KEEPS_GRID if same else GeometryEffect.NEW_GRID


def derivation_code(text: str) -> Code:
    """Return a code of CID 7203, or an extension ``99SCHEME:VALUE:Meaning`` (PS3.3 8.8).

    Raises
    ------
    UsageError
        ``OP-CODE`` for a text that is neither, with the nearest matches.
    """
    scheme, _, rest = text.partition(":")
    value, _, meaning = rest.partition(":")
    if scheme.startswith("99"):
        if not (value and meaning and len(value) <= 16 and len(scheme) <= 16 and len(meaning) <= 64):
            raise UsageError(
                "OP-CODE",
                f"{text!r}: an extension of CID 7203 is written 99SCHEME:VALUE:Meaning, "
                "with at most 16, 16 and 64 characters",
            )
        return Code(value, scheme, meaning, "")
    try:
        return codes.context_group(7203).find(text)
    except codes.UnknownCode as error:
        raise UsageError("OP-CODE", f"{error}; or an extension, 99SCHEME:VALUE:Meaning") from None
