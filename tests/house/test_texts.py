"""A value of an attribute may be a list, and ``str`` of a list is no text: ``['A', 'B']`` never reaches a file."""

from __future__ import annotations

import ast
from pathlib import Path

import derive
from tests.helpers.asserting import each

FILES = sorted(Path(derive.__file__).parent.rglob("*.py"))


def of_value(node: ast.AST) -> bool:
    """Whether an expression is ``x.value("Keyword")``, or that ``or`` something else."""
    if isinstance(node, ast.BoolOp):
        return of_value(node.values[0])
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "value"
    return called and bool(node.args) and isinstance(node.args[0], ast.Constant | ast.Name)


def test_a_list_never_becomes_text_by_str():
    found = []
    for path in each(FILES, at_least=100):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            by_str = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str"
            inside = node.args[:1] if by_str else [node.value] if isinstance(node, ast.FormattedValue) else []
            found += [f"{path.name}:{node.lineno}" for part in inside if of_value(part)]
    assert found == [], "use text(keyword), which joins several values"
