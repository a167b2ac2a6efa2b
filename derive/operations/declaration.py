"""How an operation is declared: one function that knows no DICOM, one decorator that says what it does.

From the declaration come the Python call, the sub-command with its flags, help and example, the Derivation
Description, the beginning of the Series Description, Image Type, the policy's conditions, the trial of ``inspect``,
the step that ``verify`` computes again, and the contract tests over :data:`REGISTRY`.

A parameter's annotation is one of the types below, ``float``, ``int``, ``bool``, ``str``, a ``Literal``, an
``Algorithm``, or any of them ``| None``; its help is its entry in the docstring's *Parameters*. Two names have a
meaning: ``code`` is the code where the declaration has none, ``units`` are those of a new quantity.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import WRAPPER_ASSIGNMENTS
from typing import Any, Concatenate, Generic, ParamSpec, Unpack, cast

from codes import Code
from derive.errors import UsageError
from derive.model.algorithm import Algorithm
from derive.model.colours import Colours
from derive.model.derivation import GeometryEffect, Step, ValuesEffect, short_text_of, text_of
from derive.model.frames import Volumes
from derive.model.geometry import Geometry
from derive.model.planes import is_even
from derive.model.views import Views, ViewSet, together
from derive.model.volume import Volume
from derive.operations.kit.calls import meant
from derive.operations.kit.change import GridChange
from derive.operations.kit.coding import declared_code, derivation_code
from derive.operations.kit.curve import CurvePoints as CurvePoints
from derive.operations.kit.details import Beside, Details, Encodes, OfColours, Suits
from derive.operations.kit.details import Short as Short
from derive.operations.kit.details import Trial as Trial
from derive.operations.kit.details import Words as Words
from derive.operations.kit.others import Others, interpolates_others, picked
from derive.operations.kit.parameters import XYZ as XYZ
from derive.operations.kit.parameters import Axis as Axis
from derive.operations.kit.parameters import CodeText as CodeText
from derive.operations.kit.parameters import Function as Function
from derive.operations.kit.parameters import Grid as Grid
from derive.operations.kit.parameters import Millimetres as Millimetres
from derive.operations.kit.parameters import Parameters as Parameters
from derive.operations.kit.parameters import Pixels as Pixels
from derive.operations.kit.parameters import Registration as Registration
from derive.operations.kit.refusing import refuse_irregular, refuse_own_plane, refuse_phase
from derive.operations.kit.trying import suited

#: Every operation by name.
REGISTRY: dict[str, OperationKind[...]] = {}
P = ParamSpec("P")
#: How a record calls what an operation found on the way, beside its parameters.
FOUND = "found"


@dataclass(frozen=True, eq=False)
class OperationKind(Generic[P]):
    """An operation that has been declared and not yet been given its parameters.

    Calling it with the parameters makes an :class:`Operation`; it has the signature and the docstring of its
    function, without the volume.

    Parameters
    ----------
    function : callable (volume, **parameters) -> Volume or ViewSet
        Of an operation along a dimension: (volumes, **parameters) -> Volumes.
    code : str, optional
        Keyword in CID 7203; None where the parameter ``code`` gives it.
    geometry_effect, values_effect : optional
        What it does; None where only the result tells, the values by a parameter ``units``.
    code_in_new_plane : str, optional
        The same where the result's planes have another orientation.
    terms : mapping keyword -> Defined Term
        The standard's words for it: Image Type (several with a backslash between them), value 4 of Frame Type,
        Reprojection Method and SUV Type of PET (PS3.3 C.8.9.1).
    trial : callable (geometry) -> parameters, optional
        Parameters to try it with on any series; not needed where none has to be given. ``example``: those of its help.
    fixes : mapping error code -> text
        Which flag changes what it refuses, as a marker (:mod:`derive.told.wording`): ``{flag:spacing_mm X Y Z}``.
    takes_tilt : bool
        Whether it takes a stack that leans, whose voxels are sheared; who does not say so is given none.
    short : callable (parameters) -> str, optional
        What it did with these parameters, in a few words for Series Description: ``MIP cor 10/5 mm``. Without one its
        name, and the parameters that are not their default.
    mixes : callable (parameters) -> bool, optional
        Whether its values are made of those of neighbours, so that it takes no phase. Without one, what it declares
        of values: what keeps the quantity and not the values.
    along : bool
        Whether it takes all volumes of a series together, and not one after another.
    takes_uneven : bool
        Whether it takes slices that lie unevenly along their normal; who does not say so is given none.
    first : str
        What it does first, where it is put in front of another operation; empty for one that is not.
    in_planes : callable (parameters) -> bool, optional
        Whether it looks at no neighbouring slice with these parameters, and so takes those that lean or lie unevenly.
    found : callable (geometry before, geometry after) -> str, optional
        What it found on the way and a record has to say: ``18.50 degrees, 27 of 48 planes between slices``.
    settles : callable (volumes, parameters) -> parameters, optional
        What parameters that nobody said follow from the volumes, and are recorded.
    purpose : str
        Keyword in CID 7202: why the other series that it takes are referred to.
    agreeing : bool
        Whether what an image says is pulled from the images that it is made of, whichever series these are of.
    words : callable (parameters) -> (keyword, mapping), optional
        The code and the `terms` that follow from the parameters; empty where the declared ones stay.
    codes : tuple of str
        Keywords in CID 7203 that `words` can give.
    takes_own_plane : bool, optional
        Whether it takes images that do not say where in the patient they lie, each by itself. Without it: where it
        keeps the grid.
    by_sample : bool
        Whether it is done to colours too: to red, green and blue, each by itself.
    of_colours : callable (colours, parameters) -> Colours, optional
        What is done to colours instead, where that is something of its own.
    encodes : callable (parameters) -> Compression, optional
        With what loss the result is compressed; such an operation is the last.
    suits, beside : callable, optional
        (source) -> whether ``inspect`` tries it; (parameters) -> those of each series, where it makes two on request.
    makes_colours : bool
        Whether it makes colours of values, which become Secondary Capture.
    """

    function: Callable[Concatenate[Any, P], Any]
    code: str | None
    geometry_effect: GeometryEffect | None
    values_effect: ValuesEffect | None
    code_in_new_plane: str | None = None
    terms: Mapping[str, str] = field(default_factory=dict)
    trial: Trial | None = None
    example: Mapping[str, Any] = field(default_factory=dict)
    fixes: Mapping[str, str] = field(default_factory=dict)
    takes_tilt: bool = False
    short: Short | None = None
    mixes: Callable[[Mapping[str, Any]], bool] | None = None
    along: bool = False
    takes_uneven: bool = False
    first: str = ""
    in_planes: Callable[[Mapping[str, Any]], bool] | None = None
    found: Callable[[Geometry, Geometry], str] | None = None
    settles: Callable[[Volumes, Mapping[str, Any]], Mapping[str, Any]] | None = None
    purpose: str = "SourceImageForImageProcessingOperation"
    words: Words | None = None
    codes: tuple[str, ...] = ()
    agreeing: bool = False
    takes_own_plane: bool | None = None
    suits: Suits | None = None
    beside: Beside | None = None
    by_sample: bool = False
    of_colours: OfColours | None = None
    makes_colours: bool = False
    encodes: Encodes | None = None

    @property
    def takes_colours(self) -> bool:
        """Whether it is done to colours."""
        return self.by_sample or self.of_colours is not None

    def __post_init__(self) -> None:
        """Look like the function to whoever asks: :func:`inspect.signature`, an editor, a notebook's help."""
        function = self.function
        signature = inspect.signature(function, eval_str=True)
        parameters = list(signature.parameters.values())[1:]
        about: dict[str, Any] = {name: getattr(function, name) for name in WRAPPER_ASSIGNMENTS}
        about["__doc__"] = re.sub(r"^ *volumes? : Volumes?\n", "", function.__doc__ or "", count=1, flags=re.M)
        about["__signature__"] = signature.replace(parameters=parameters, return_annotation=Operation)
        about["__annotations__"] = {p.name: p.annotation for p in parameters} | {"return": Operation}
        vars(self).update(about)

    def __repr__(self) -> str:
        """Name and parameters: the first line of what :func:`help` shows."""
        return f"<operation {self.name}: {', '.join(self.signature.parameters)}>"

    @property
    def name(self) -> str:
        """Name in Python; the command line has hyphens for its underscores."""
        return self.function.__name__

    @property
    def signature(self) -> inspect.Signature:
        """The parameters, without the volume, annotations resolved."""
        return inspect.signature(self)

    @property
    def triable(self) -> bool:
        """Whether there are parameters to try it with on any series; another series is not at hand for that."""
        parameters = self.signature.parameters.values()
        return self.trial is not None or not (self.others or any(p.default is p.empty for p in parameters))

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the parameters that are other series."""
        return self.taking(Others)

    @property
    def takes_one_series(self) -> bool:
        """Whether the other series that it takes can be left out."""
        return all(self.signature.parameters[name].default is None for name in self.others)

    def tried_on(self, geometry: Geometry, dimensions: Sequence[Any] = ()) -> Operation:
        """Bind the parameters to try it with on a series of this geometry, whose volumes differ in that."""
        return suited(self._bound((), dict(self.trial(geometry)) if self.trial else {}), geometry, dimensions)

    def taking(self, annotation: Any) -> tuple[str, ...]:
        """Names of the parameters of one of the types above, or of it ``| None``."""
        wanted = (annotation, annotation | None)
        return tuple(p.name for p in self.signature.parameters.values() if p.annotation in wanted)

    def __call__(self, *arguments: P.args, **parameters: P.kwargs) -> Operation:
        """Bind the parameters.

        Raises
        ------
        UsageError
            ``OP-PARAMETER`` for one that is missing or unknown.
        """
        return self._bound(arguments, parameters)

    def _bound(self, arguments: tuple[Any, ...], parameters: Mapping[str, Any]) -> Operation:
        try:
            bound = self.signature.bind(*arguments, **parameters)
        except TypeError:
            raise UsageError("OP-PARAMETER", meant(self, arguments, parameters, self.others)) from None
        bound.apply_defaults()
        return Operation(self, dict(bound.arguments))

    def step(self, parameters: Mapping[str, Any], description: str, code: Code | None, found: GridChange) -> Step:
        """Return the record of a step.

        Parameters
        ----------
        parameters, description, code : as in :class:`Step`
        found : GridChange
            What the result showed.
        """
        made = (self.along or self.others) and not self.makes_colours
        units = str(parameters.get("units") or (found.units if made else ""))
        algorithms = [parameters.get(name) for name in self.taking(Algorithm)]
        return Step(
            name=self.name,
            code=code,
            description=description,
            parameters=dict(parameters),
            geometry_effect=self.geometry_effect or found.geometry_effect,
            values_effect=self.values_effect or (ValuesEffect.NEW_QUANTITY if units else ValuesEffect.KEEPS_QUANTITY),
            new_plane=found.new_plane,
            units=units,
            terms=(self.words and self.words(parameters)[1]) or self.terms,
            own_function=bool(self.taking(Function)),
            places_known=not self.taking(Function),
            compression=self.encodes(parameters) if self.encodes else None,
            algorithm=next((a for a in algorithms if isinstance(a, Algorithm)), None),
        )

    def short_of(self, parameters: Mapping[str, Any]) -> str:
        """Return what it did with these parameters, in a few words."""
        if self.short is not None:
            return self.short(parameters)
        defaults = {name: p.default for name, p in self.signature.parameters.items()}
        texts = {k: short_text_of(v) for k, v in parameters.items()}
        said = [text for k, text in texts.items() if text and parameters[k] != defaults.get(k)]
        return " ".join([self.name.replace("_", " "), *said])


def operation(
    code: str | None,
    geometry: GeometryEffect | None,
    values: ValuesEffect | None,
    **details: Unpack[Details],
) -> Callable[[Callable[Concatenate[Volume, P], Volume | ViewSet]], OperationKind[P]]:
    """Declare a function (volume, parameters) -> volume, or images on planes of their own, as an operation.

    Parameters
    ----------
    code, geometry, values, **details
        As in :class:`OperationKind`.
    """
    return lambda function: _registered(OperationKind(function, code, geometry, values, **details))


def operation_along(
    code: str,
    geometry: GeometryEffect,
    values: ValuesEffect,
    **details: Unpack[Details],
) -> Callable[[Callable[Concatenate[Volumes, P], Volumes | Colours]], OperationKind[P]]:
    """Declare a function (volumes, parameters) -> volumes, or colours, which takes all volumes of a series together."""
    return lambda function: _registered(OperationKind(function, code, geometry, values, along=True, **details))


def _registered(kind: OperationKind[P]) -> OperationKind[P]:
    REGISTRY[kind.name] = kind
    return kind


@dataclass(frozen=True)
class Operation:
    """An operation with its parameters bound: a value that can be printed, compared and stored."""

    kind: OperationKind[...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def on(self, volumes: Volumes) -> Volumes | Views:
        """Apply to all volumes of a series: to each, or to all together. It raises what it does on a volume."""
        if not self.kind.along:
            each = (self._beside(number)(volume) for number, volume in enumerate(volumes.volumes))
            return together(volumes, tuple(each))
        for volume in volumes.volumes:
            self.check(volume)
        return cast(Volumes, self.kind.function(volumes, **self.parameters))

    def _beside(self, volume: int) -> Operation:
        """Return the same for one of the volumes, with what other series have beside it."""
        return replace(self, parameters=picked(self.parameters, volume)) if self.kind.others else self

    def settled(self, volumes: Volumes) -> Operation:
        """Return the same with what follows from the volumes said, so that the record of the step has it."""
        said = self.kind.settles(volumes, self.parameters) if self.kind.settles else {}
        return replace(self, parameters={**self.parameters, **said})

    def __call__(self, volume: Volume) -> Volume:
        """Apply to a volume; nothing is computed before a slab of the result is asked for.

        Raises
        ------
        GeometryError
            ``GEO-TILT`` for a tilted stack, unless the operation is declared to take one; ``GEO-PLANE`` and
            ``GEO-SIZE`` for images that lie in no patient, or whose pixels have no size.
        ValuesError
            ``VAL-PHASE`` for values that wrap around, where the operation mixes neighbours.
        """
        if self.kind.along:
            return self.on(Volumes((volume,))).volumes[0]
        self.check(volume)
        return cast(Volume, self.kind.function(volume, **self.parameters))

    def check(self, volume: Volume) -> None:
        """Refuse a volume that the operation does not take."""
        if volume.quantity.cyclic and self.mixes:
            refuse_phase(self.kind.name)
        for given in (volume, *self.parameters.values()):
            refuse_own_plane(self.kind.name, given, self.parameters, patient=not self.takes_own_plane)
            refuse_irregular(self.kind.name, given, tilted=not self.takes_tilt, uneven=not self.takes_uneven)

    @property
    def takes_own_plane(self) -> bool:
        """Whether it takes images that do not say where in the patient they lie."""
        if self.kind.takes_own_plane is not None:
            return self.kind.takes_own_plane
        return self.kind.geometry_effect in (GeometryEffect.KEEPS_GRID, None)

    @property
    def _in_planes(self) -> bool:
        return self.kind.in_planes is not None and self.kind.in_planes(self.parameters)

    @property
    def takes_tilt(self) -> bool:
        """Whether it takes a stack that leans, with these parameters."""
        return self.kind.takes_tilt or self._in_planes

    @property
    def takes_uneven(self) -> bool:
        """Whether it takes slices that lie unevenly, with these parameters."""
        return self.kind.takes_uneven or self._in_planes

    def takes(self, geometry: Geometry) -> bool:
        """Whether slices that lie so are taken, with these parameters."""
        return (self.takes_tilt or not geometry.tilted) and (self.takes_uneven or is_even(geometry))

    @property
    def mixes(self) -> bool:
        """Whether its values are made of those of neighbours."""
        if self.kind.mixes is not None:
            return self.kind.mixes(self.parameters)
        return self.kind.values_effect is ValuesEffect.KEEPS_QUANTITY

    def __str__(self) -> str:
        """Return one parsable line, ``gaussian_blur(sigma_mm=1.5)``; what is None, or not done, is left out."""
        return self._told({})

    def _told(self, found: Mapping[str, str]) -> str:
        shown = {k: v for k, v in self.parameters.items() if v is not None and v is not False} | dict(found)
        return f"{self.kind.name}({', '.join(f'{k}={text_of(v)}' for k, v in shown.items())})"

    def step(self, before: Volume, after: Volume | ViewSet) -> Step:
        """Return the record of this step, its effects checked against what came out."""
        kind, found = self.kind, GridChange.between(before.geometry, after.geometry)
        found = found._replace(units=after.quantity.units if kind.values_effect is ValuesEffect.NEW_QUANTITY else "")
        declared = (found.new_plane and kind.code_in_new_plane) or kind.code
        keyword = (kind.words and kind.words(self.parameters)[0]) or declared or str(self.parameters["code"])
        code = (derivation_code if keyword != kind.code else declared_code)(keyword)
        before_it = (declared_code("SpatialResampling"),) if interpolates_others(self.parameters) else ()
        seen = {FOUND: kind.found(before.geometry, after.geometry)} if kind.found and after.geometry else {}
        step = kind.step(self.parameters, self._told(seen), code, found)
        return replace(step, short=kind.short_of(self.parameters), before=before_it)
