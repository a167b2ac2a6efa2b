"""Pictures that a function of the user's draws of volumes: they are shown as they are, and measure nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import UsageError, ValuesError
from derive.model.classes import PictureKind
from derive.model.colours import Colours
from derive.model.derivation import GeometryEffect, Step, Typed, ValuesEffect
from derive.model.frames import Pictures, Volumes
from derive.model.pages import as_bytes, check_pages, numbered
from derive.model.reference import FrameRef
from derive.model.views import Views
from derive.model.volume import Volume
from derive.operations.declaration import Function, Operation
from derive.operations.kit.change import GridChange
from derive.operations.kit.coding import derivation_code
from derive.operations.kit.functions import UserFunction, user_function
from derive.operations.kit.images import image_of
from derive.operations.kit.refusing import refuse_views
from derive.told.wording import flag


def pictured(operation: Operation, volumes: Volumes | Views | Colours, kind: PictureKind) -> tuple[Pictures, Step]:
    """Have a function draw each volume; return the pictures, and the record of it.

    The function gets what `apply` gives it, and returns an array of bool, uint8 or uint16: one picture (rows, columns),
    several (pictures, rows, columns), or these with R G B as a last axis of 3, uint8.

    Parameters
    ----------
    operation : Operation
        `apply`, with the function.
    volumes : Volumes, Views or Colours
    kind : PictureKind

    Raises
    ------
    UsageError
        ``OPT-FORM`` for an operation that makes values, or what is said of values; ``OP-FUNCTION``, ``OP-CODE``,
        ``OP-VIEWS``.
    ValuesError
        ``OP-FUNCTION``, ``OP-RESULT``, ``OP-SHAPE``, ``VAL-PICTURE``, ``VAL-PAGES``.
    """
    declared, said = operation.kind, operation.parameters
    if not declared.taking(Function):
        raise UsageError(
            "OPT-FORM",
            f"{declared.name} makes values, and a {kind} shows pictures; wanted a function of "
            f"one's own that draws them (apply), without {flag('into', kind)} behind another step",
        )
    if isinstance(volumes, Views):
        refuse_views(declared.name)
    if isinstance(volumes, Colours):
        raise UsageError(
            "OPT-FORM",
            f"the images are pictures already; leave out {flag('into', kind)}: {declared.name} gives colours as it "
            "gets them",
        )
    for name in ("units", "halo_slices"):
        if said.get(name) is not None:
            raise UsageError("OPT-FORM", f"{name} is said of values, and a {kind} has none; leave it out")
    code = derivation_code(str(said["code"]))
    arguments = {k: v.value if isinstance(v, Typed) else v for k, v in (said.get("parameters") or {}).items()}
    called = user_function(said["function"], arguments)
    drawn = [_pages(called.name, _drawn(called, volume), kind) for volume in volumes.volumes]
    if len({(each.shape[1:], each.dtype) for each in drawn}) > 1:
        raise ValuesError("OP-SHAPE", f"{called.name} returned pictures of several sizes or kinds; wanted one")
    pages = np.concatenate(drawn)
    check_pages(pages, called.name, together=kind != "secondary-capture")
    ends = np.cumsum([len(each) for each in drawn])

    def contributors(page: int) -> tuple[FrameRef, ...]:
        volume = volumes.volumes[int(np.searchsorted(ends, page, side="right"))]
        return volume.contributors_of(range(volume.count))

    found = GridChange(GeometryEffect.PROJECTION, new_plane=True)
    step = declared.step(said, str(operation), code, found)
    step = replace(step, values_effect=ValuesEffect.NEW_QUANTITY, short=declared.short_of(said))
    dimension = numbered(len(pages)) if kind != "secondary-capture" else None
    return Pictures(pages, contributors=contributors, dimension=dimension), step


def _drawn(called: UserFunction, volume: Volume) -> Any:
    """Call the function with what it takes."""
    if called.takes == "array":
        return called(volume.filled())
    if called.takes == "image":
        return called(image_of(volume.filled(), volume.geometry))
    return called(Volume.from_array(volume.array, volume.geometry, volume.quantity))


def _pages(name: str, result: Any, kind: PictureKind) -> NDArray[Any]:
    """Return pictures as pages: (pages, rows, columns), or with R G B behind."""
    if not isinstance(result, np.ndarray):
        raise ValuesError("OP-RESULT", f"{name} returned {type(result).__name__}; wanted an ndarray of pictures")
    colour = result.ndim > 2 and result.shape[-1] == 3
    pages = result[None] if result.ndim - colour == 2 else result
    if pages.ndim - colour != 3 or not pages.size:
        raise ValuesError(
            "OP-SHAPE",
            f"{name} returned shape {result.shape}; wanted (rows, columns) or (pictures, rows, columns), "
            "or these with R G B behind",
        )
    if pages.dtype not in (np.bool_, np.uint8, np.uint16):
        raise ValuesError(
            "VAL-PICTURE",
            f"{name} returned {pages.dtype}, and a picture has 8 or 16 unsigned bits: which value is black and which "
            "is white only the function knows",
        )
    pages = np.ascontiguousarray(pages.astype(pages.dtype.newbyteorder("=")))
    return as_bytes(pages) if pages.dtype == bool and kind == "secondary-capture" else pages
