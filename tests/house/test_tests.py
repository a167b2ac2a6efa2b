"""Tests stand in folders named after rooms, are short, and can fail."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.helpers.asserting import each

TESTS = Path(__file__).parents[1]
ROOMS = {p.stem for p in (TESTS.parent / "derive").iterdir()}
#: Folders of tests that test no room: the house, the whole line, the standard's codes; and what tests need.
OTHERS = {"house", "line", "codes", "helpers", "benchmarks", "golden", "workarounds", "fuzz", "viewer"}
LONGEST = 400
FILES = sorted(TESTS.rglob("*.py"))
TREES = {p: ast.parse(p.read_text(encoding="utf-8")) for p in FILES}
ERRORS = {n.name for n in ast.parse((TESTS.parent / "derive" / "errors.py").read_text()).body if hasattr(n, "name")}
TESTING = [p for p in FILES if p.name.startswith("test_")]


def named(path: Path) -> str:
    return str(path.relative_to(TESTS))


def test_folders_are_rooms():
    folders = {p.name for p in TESTS.iterdir() if p.is_dir() and any(p.rglob("*.py"))}
    assert folders - ROOMS - OTHERS == set()
    assert [p.name for p in TESTS.glob("test_*.py")] == [], "a test stands in the folder of its room"


def test_files_are_short():
    lengths = {named(p): len(p.read_text(encoding="utf-8").splitlines()) for p in each(FILES, 100)}
    assert {name: n for name, n in lengths.items() if n > LONGEST} == {}


def test_an_error_of_ours_is_asked_for_its_code():
    assert _places(_raises_any_code) == []


def test_all_is_asserted_of_something():
    """``every`` of tests.helpers.asserting fails where there is nothing to look at; ``all`` does not."""
    assert _places(_all_of_nothing) == []


def test_a_loop_that_asserts_has_something_to_loop_over():
    """``each`` of tests.helpers.asserting fails where there is nothing."""
    assert _places(lambda tree: filter(_may_assert_nothing, functions(tree))) == []


def test_a_test_without_an_assertion_says_what_would_fail():
    assert _places(lambda tree: (n for n in functions(tree) if not _asserts(n) and not ast.get_docstring(n))) == []


def _places(find: Callable[[ast.Module], Iterable[ast.AST]]) -> list[str]:
    """Where something was found, in all files of tests."""
    return [f"{named(p)}:{node.lineno}" for p in each(TESTING, 50) for node in find(TREES[p])]


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


def _called(node: ast.AST) -> str:
    """The last name of what is called: ``raises`` of ``pytest.raises(...)``."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _raises_any_code(tree: ast.Module) -> Iterator[ast.Call]:
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        asked = any(isinstance(n, ast.Attribute) and n.attr == "code" for n in ast.walk(function))
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and _called(node) == "raises" and not asked:
                kinds = {n.attr if isinstance(n, ast.Attribute) else getattr(n, "id", "") for n in ast.walk(node)}
                if kinds & ERRORS and "match" not in {k.arg for k in node.keywords}:
                    yield node


def _all_of_nothing(tree: ast.Module) -> Iterator[ast.expr]:
    tests = (node.test for node in ast.walk(tree) if isinstance(node, ast.Assert))
    return (part for test in tests for part in _parts(test) if _is_all(part))


def _parts(test: ast.expr) -> list[ast.expr]:
    if isinstance(test, ast.BoolOp):
        return [part for value in test.values for part in _parts(value)]
    return [test]


def _is_all(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "all"
        and isinstance(node.args[0], ast.GeneratorExp)
        and not _has_items(node.args[0].generators[0].iter)
    )


#: What has an item if what it is given has one.
KEEP = {"enumerate", "zip", "sorted", "list", "tuple", "set", "reversed", "items", "values", "keys", "product"}


def _has_items(node: ast.expr) -> bool:
    """Whether it is plain from the text that there is something in it: a literal, a constant, what is made of these."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return bool(node.elts)
    if isinstance(node, ast.Dict):
        return bool(node.keys)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(node.value)
    if isinstance(node, ast.Name):
        return node.id.isupper()
    if isinstance(node, ast.Call):
        given = [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        if _called(node) == "range":
            return all(isinstance(a, ast.Constant) for a in node.args)
        kept = _called(node) in KEEP and bool(given) and all(map(_has_items, node.args or given))
        return kept or _called(node) == "each"
    return False


def _is_assertion(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    return _called(node) in ASSERTING or _called(node).startswith("assert_")


def _may_assert_nothing(function: ast.FunctionDef) -> bool:
    loops = [n for n in ast.walk(function) if isinstance(n, ast.For) and not _has_items(n.iter)]
    inside = {id(inner) for loop in loops for n in loop.body for inner in ast.walk(n) if _is_assertion(inner)}
    return bool(inside) and all(id(n) in inside for n in ast.walk(function) if _is_assertion(n))


def _asserts(function: ast.FunctionDef) -> bool:
    return any(_is_assertion(n) for n in ast.walk(function))


def _asserting() -> set[str]:
    """Names of the functions of tests that assert, by themselves or by one of the others."""
    found = {"raises", "warns", "fail"}
    functions = [n for tree in TREES.values() for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    says = [(n.name, {"assert" if isinstance(m, ast.Assert) else _called(m) for m in ast.walk(n)}) for n in functions]
    while more := {name for name, calls in says if calls & (found | {"assert"})} - found:
        found |= more
    return found


ASSERTING = _asserting()
