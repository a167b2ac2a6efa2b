"""De-identification (PS3.15 Annex E): which attributes go, which are replaced, which stay, and the proof of it.

``deidentify`` is the page. A ``profile`` with its options says what is wanted, ``decide`` what becomes of one
attribute (rules, private, repeating groups, options, type, what the table lacks), ``methods`` do it, one function
each. ``run`` holds what one run shares: keys, the map of UIDs, shifts of dates, new names of patients.
``pixels`` blanks, ``configs`` reads rules that others wrote, ``check`` looks with its own eyes at what came out, and
nothing that fails is published.
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
