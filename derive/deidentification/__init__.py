"""De-identification (PS3.15 Annex E): which attributes go, which are replaced, which stay, and the proof of it.

``deidentify`` is the page, ``derived`` the same for a result on its way out, ``in_memory`` for one data set.
``profile`` says what is wanted, ``configs`` and ``templates`` read it in the forms of others, ``run`` is what all
objects share. ``engine`` takes an object through it: decisions in named steps, ``methods`` that do them, ``private``,
``text`` and ``pixels`` for what is not simply a value. ``line`` leads from a set to what is published, ``check`` looks
with its own eyes at what came out and nothing that fails is published, ``explain`` says beforehand what would become
of an attribute.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from derive.deidentification.in_memory import dataset

__all__ = ["dataset"]

if not TYPE_CHECKING:  # the command line asks this room for profiles alone, and shall not wait for the rest

    def __getattr__(name: str) -> Any:
        if name == "dataset":
            return import_module(f"{__name__}.in_memory").dataset
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
