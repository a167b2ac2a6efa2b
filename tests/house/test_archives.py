"""Archives: what kind an address is, is asked in one place; what is private to pynetdicom is named in one file."""

from __future__ import annotations

import ast

import pytest

from tests.house.test_layers import MODULES, ROOT, name_of, tree_of

KINDS = {"DimseAddress", "WebAddress", "FolderAddress"}
FACTORY = "derive.pacs.archive"


def kinds_told_apart(tree):
    """Classes of addresses that are looked at by isinstance or by a pattern."""
    for node in ast.walk(tree):
        if isinstance(node, ast.MatchClass):
            yield ast.unparse(node.cls)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass", "type"):
            yield from (n.id for a in node.args for n in ast.walk(a) if isinstance(n, ast.Name))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_kinds_of_addresses_are_told_apart_in_one_place(path):
    found = KINDS & set(kinds_told_apart(tree_of(path)))
    assert found == (KINDS if name_of(path) == FACTORY else set())


def test_the_factory_is_there():
    assert ROOT.joinpath(*FACTORY.split(".")).with_suffix(".py") in MODULES
