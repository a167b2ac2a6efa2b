"""What an operation has to be told to be tried on a series, beside the parameters of its trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from derive.model.dimension import Dimension
from derive.model.geometry import Geometry

#: Parameters with a meaning of their own, and the values with which a slice is looked at by itself.
_BY_ITSELF = {"in_planes": True, "halo_slices": 0}
_ALONG = "along"


class Bound(Protocol):
    """An operation with its parameters bound."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Its parameters."""

    def takes(self, geometry: Geometry) -> bool:
        """Whether slices that lie so are taken."""


B = TypeVar("B", bound=Bound)


def suited(operation: B, geometry: Geometry, dimensions: Sequence[Dimension]) -> B:
    """Return an operation with the parameters that suit a series.

    Slices that lean or lie unevenly stay by themselves, where the operation can do that; and of several dimensions it
    goes along the last, that in which volumes differ most often.
    """
    said: dict[str, Any] = {}
    if not operation.takes(geometry):
        said = {k: v for k, v in _BY_ITSELF.items() if k in operation.parameters}
    if _ALONG in operation.parameters and len(dimensions) > 1:
        said[_ALONG] = dimensions[-1].keyword
    return replace(operation, parameters={**operation.parameters, **said})  # type: ignore[type-var]
