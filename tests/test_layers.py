"""Imports go one way, functions stay short, and the library never prints."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted([*(ROOT / "derive").rglob("*.py"), *(ROOT / "codes").rglob("*.py")])
#: Lower may not import higher. A module that is not named has the layer of its package.
LAYERS = [
    ["codes", "derive.standard", "derive.errors", "derive.version"],
    ["derive.elements", "derive.geometry", "derive.conditions", "derive.value_syntax", "derive.parallel"],
    ["derive.parse"],
    ["derive.volume", "derive.validity", "derive.source", "derive.derivation"],
    ["derive.mend", "derive.view"],
    ["derive.encode", "derive.uids", "derive.operations"],
    ["derive.pictures"],
    ["derive.policy", "derive.targets", "derive.series"],
    ["derive.entities"],
    ["derive.settable", "derive.assemble", "derive.prepare", "derive.check", "derive.write", "derive.read"],
    ["derive.pacs"],
    ["derive.filing", "derive.report", "derive.demo"],
    ["derive.builder"],
    ["derive.plan", "derive.convert"],
    ["derive.comparison"],
    [
        *("derive.accounting", "derive.diff", "derive.display", "derive.explain"),
        *("derive.inspection", "derive.recompute"),
    ],
    ["derive.cli", "derive.__main__", "derive"],
]
#: Only these may know more than one stage.
STAGES = {"derive.read", "derive.operations", "derive.assemble", "derive.check", "derive.write"}
#: Packages that are imported where they are used, because they are heavy.
HEAVY = {"SimpleITK", "cv2", "scipy.ndimage", "requests", "pynetdicom", "shtab"}
LONGEST_FUNCTION, LONGEST_MODULE, MOST_PARAMETERS = 50, 400, 6


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> int:
    for depth in range(module.count(".") + 1, 0, -1):
        prefix = ".".join(module.split(".")[:depth])
        for index, names in enumerate(LAYERS):
            if prefix in names and (prefix != "derive" or module == "derive"):
                return index
    return READ_SIDE


#: The modules behind derive.read: files, archives, headers, pixels, planes.
READ_SIDE = next(i for i, names in enumerate(LAYERS) if "derive.read" in names)


def imports_of(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return found


KNOWN = {name_of(p) for p in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path):
    module = name_of(path)
    if module.startswith("codes") or module.startswith("derive.standard"):
        own = module.split(".")[0] if module.startswith("codes") else "derive.standard"
        others = {i for i in imports_of(ast.parse(path.read_text())) & KNOWN if not i.startswith(own)} - {"derive"}
        assert others == set()
    for imported in imports_of(ast.parse(path.read_text())) & KNOWN:
        if imported != module and imported != "derive":
            assert layer_of(imported) <= layer_of(module), f"{module} imports {imported} from a higher layer"


def functions(tree):
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_are_short(path):
    text = path.read_text()
    assert text.count("\n") <= LONGEST_MODULE
    for function in functions(ast.parse(text)):
        docstring = ast.get_docstring(function)
        body = function.body[1:] if docstring else function.body
        length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
        assert length <= LONGEST_FUNCTION, f"{function.name} has {length} lines"
        arguments = function.args
        count = len(arguments.args) + len(arguments.kwonlyargs) + len(arguments.posonlyargs)
        count -= bool(arguments.args and arguments.args[0].arg in ("self", "cls"))
        assert count <= MOST_PARAMETERS + (path.parent.name == "operations"), f"{function.name} takes {count}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_heavy_packages_are_imported_in_functions_and_nothing_prints(path):
    tree = ast.parse(path.read_text())
    for function in functions(tree):
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                assert {a.name for a in node.names} <= HEAVY
            if isinstance(node, ast.ImportFrom):
                package = str(node.module).partition(".")[0]
                assert package in HEAVY, f"{function.name} imports {node.module}"
    if "regenerate" in path.name or "cli" in path.parts:
        return
    calls = [n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    assert "print" not in calls


def test_no_stub_is_left():
    for path in MODULES:
        raised = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Raise)]
        assert not any("NotImplementedError" in ast.dump(n) for n in raised), path
