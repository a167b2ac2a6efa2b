"""Which operation has which code of CID 7203, and what `apply` takes of the rest (``codes_of_apply.tsv``)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from derive.operations import REGISTRY, OperationKind
from derive.operations.kit.coding import declared_code


@cache
def of_apply() -> Mapping[str, str]:
    """Return what `apply` makes of each code that no operation has: by its keyword, ``values`` or ``pictures``."""
    text = files("derive.operations").joinpath("codes_of_apply.tsv").read_text(encoding="utf-8")
    return {line["keyword"]: line["makes"] for line in csv.DictReader(text.splitlines(), delimiter="\t")}


def of_kind(kind: OperationKind[...]) -> tuple[str, ...]:
    """Return the keywords of the codes that one operation can record."""
    declared = filter(None, (kind.code, kind.code_in_new_plane, *kind.codes))
    return tuple(declared_code(code).keyword for code in declared)


def of_operations() -> Mapping[str, tuple[str, ...]]:
    """Return the operations that have each code, by its keyword."""
    found: dict[str, tuple[str, ...]] = {}
    for kind in REGISTRY.values():
        for keyword in of_kind(kind):
            found[keyword] = (*found.get(keyword, ()), kind.name)
    return found
