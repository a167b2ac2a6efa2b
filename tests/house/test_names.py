"""One noun, one thing: no name stands twice, and nobody but its file knows a single operation."""

from __future__ import annotations

import ast
import csv
import importlib
from collections import defaultdict
from types import ModuleType

import pytest

from derive.operations import REGISTRY
from tests.house.test_layers import KNOWN, ROOT, name_of, tree_of

OUTSIDE = {name: path for name, path in KNOWN.items() if not name.startswith("derive.operations")}
TABLES = [p for p in sorted((ROOT / "derive").rglob("*.tsv")) if "standard" not in p.parts]
#: Words that mean something else elsewhere: a mask of bits, of a window, of an identifier; an overlay plane in bits; to
#: compress without loss.
ORDINARY = {"mask", "overlay", "compress"}
#: Names of operations, in Python and on the command line.
OPERATIONS = {*REGISTRY, *(name.replace("_", "-") for name in REGISTRY)} - ORDINARY


def docstrings(tree):
    """The constants that are docstrings, of modules, classes, functions and attributes."""
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}


@pytest.mark.parametrize("path", OUTSIDE.values(), ids=name_of)
def test_no_operation_is_named_outside_its_file(path):
    tree = tree_of(path)
    words = {n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    assert [(n.value, n.lineno) for n in words - docstrings(tree) if n.value in OPERATIONS] == []


def test_no_table_outside_has_a_row_of_an_operation():
    assert TABLES
    cells = {p.name: {c for row in csv.reader(p.open(encoding="utf-8"), delimiter="\t") for c in row} for p in TABLES}
    assert {name: found & OPERATIONS for name, found in cells.items() if found & OPERATIONS} == {}


def test_nothing_in_a_package_hides_a_module_of_it():
    modules = {name: importlib.import_module(name) for name in KNOWN if not name.endswith("__main__")}
    inner = [name.rpartition(".") for name in modules if "." in name]
    assert inner
    hidden = [
        f"{package}.{last}" for package, _, last in inner if not isinstance(getattr(modules[package], last), ModuleType)
    ]
    assert hidden == []


def test_no_class_name_stands_twice():
    places = defaultdict(list)
    for name, path in KNOWN.items():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name)
    assert places
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
