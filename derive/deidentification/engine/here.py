"""What a method is told of the attribute that it is asked to change: where it stands, and what the run shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from derive.elements.instance import Instance
from derive.rewriting.stored import AttributePath

if TYPE_CHECKING:
    from derive.deidentification.run.run import Run


@dataclass(frozen=True)
class Here:
    """Where a method works.

    Parameters
    ----------
    path : AttributePath
    instance : Instance
        What the whole instance said of itself before anything was changed: asked leniently.
    encodings : tuple of str
        Python names of the character sets in force there.
    type : str or None
        Type of the attribute in this IOD: ``1``, ``1C``, ``2``, ``2C``, ``3``; empty for an attribute that the IOD
        does not have; None where the IOD is not known.
    run : Run
    settings : mapping of str to object
        Of the rule.
    """

    path: AttributePath
    instance: Instance
    encodings: tuple[str, ...]
    type: str | None
    run: Run
    settings: Mapping[str, object] = field(default_factory=dict)
