"""Imports go one way, floor by floor; functions stay short, and the library never prints."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from derive import standard
from derive.model.classes import FORMS, made_class_uids, target_of

ROOT = Path(__file__).parents[2]
MODULES = sorted([*(ROOT / "derive").rglob("*.py"), *(ROOT / "codes").rglob("*.py")])
#: From the ground up. A room imports from the floors below its own, and from itself; never from a room beside it.
FLOORS = [
    ["told"],
    ["codes", "errors", "standard", "version"],
    ["limits"],
    ["elements", "parallel", "pixels", "settings"],
    ["model"],
    ["authoring", "formats", "operations", "reading", "rewriting"],
    ["checking"],
    ["writing"],
    ["demo", "pacs"],
    ["correction", "deidentification"],
    ["builder"],
    ["conversion", "display", "inspection", "records"],
    ["many"],
    [""],
    ["cli"],
    ["__main__"],
]
#: Packages that are imported where they are used, because they are heavy.
HEAVY = {"SimpleITK", "cv2", "matplotlib", "nibabel", "PIL", "pynetdicom", "requests", "urllib3"}
HEAVY |= {"scipy.interpolate", "scipy.ndimage"}
HEAVY |= {"dask", "distributed"}
HEAVY |= {"highdicom", "highdicom.seg", "cryptography", "imagecodecs", "IPython", "ipywidgets", "shtab", "tqdm"}
#: What notebooks show as pictures: classes far below the display, which ask it only then. Nothing else may.
SHOWN = {"derive.builder", "derive.model.source", "derive.model.volume", "derive.writing.report"}
DISPLAY = "derive.display.html"
#: A derived series is seldom de-identified, and what that takes would be a fifth of every command's start (2026-11-30).
LATE = {("derive.builder", "derive.deidentification.derived")}
#: Frames have pixels of some form, and operations know of frames: their help needs no pydicom for that (2026-12-01).
LATE |= {("derive.pixels.encode", "pydicom.valuerep")}
#: What an operation asks a series of, in attributes that pydicom decodes: no help asks it (2026-12-01).
LATE |= {("derive.operations.uptake", "derive.operations.kit.doses")}
#: The same of windows, of the colours of segments, and of palettes, which pydicom reads (2026-12-01).
LATE |= {
    ("derive.operations.overlaying", f"derive.{name}")
    for name in ("model.grey", "operations.kit.blending", "operations.kit.windows", "pixels.palettes")
}
#: Nine hundred codes by which the category of a segment is told, where nobody says it (2026-12-01).
LATE |= {("derive.model.segment_types", "pydicom.sr.codedict")}
LONGEST_FUNCTION, LONGEST_MODULE, MOST_PARAMETERS = 50, 400, 6


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


KNOWN = {name_of(p): p for p in MODULES}


def room_of(module: str) -> str:
    """The folder or module at the top of the package; empty for its public face."""
    parts = module.split(".")
    return "codes" if parts[0] == "codes" else (parts[1] if len(parts) > 1 else "")


def floor_of(module: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if room_of(module) in rooms)


def imports_of(tree: ast.AST) -> set[str]:
    """Names of our modules that are imported anywhere, under TYPE_CHECKING and in functions too."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            inner = {f"{node.module}.{a.name}" for a in node.names} & KNOWN.keys()
            outer = len(inner) < len(node.names)
            found |= inner | ({node.module} if outer else set())
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return found & KNOWN.keys()


def tree_of(path: Path) -> ast.Module:
    """The code of a module, but for what it asks of the display when a notebook shows it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if name_of(path) in SHOWN:
        for function in functions(tree):
            function.body = [n for n in function.body if not asks_display(function, n)] or function.body
    return tree


def asks_display(function: ast.FunctionDef | ast.AsyncFunctionDef, node: ast.stmt) -> bool:
    imported = isinstance(node, ast.ImportFrom) and node.module == DISPLAY
    return imported and function.name == "_repr_html_"


def test_every_room_has_a_floor():
    assert {room_of(m) for m in KNOWN} == {room for rooms in FLOORS for room in rooms}
    assert sum(map(len, FLOORS)) == len({room for rooms in FLOORS for room in rooms})


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_what_notebooks_show_asks_the_display_once(name):
    tree = ast.parse(KNOWN[name].read_text(encoding="utf-8"))
    assert [asks_display(f, f.body[1]) for f in functions(tree) if f.name == "_repr_html_"] == [True]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path):
    module = name_of(path)
    others = {imported for imported in imports_of(tree_of(path)) if room_of(imported) != room_of(module)}
    above = {imported for imported in others if floor_of(imported) >= floor_of(module)}
    assert above == set(), f"{module} imports what stands beside or above it"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_private_files_are_imported_from_their_folder_only(path):
    module = name_of(path)
    parts = {imported: imported.rpartition(".") for imported in imports_of(tree_of(path))}
    private = {i: folder for i, (folder, _, last) in parts.items() if last.startswith("_") and last != "__init__"}
    assert [i for i, folder in private.items() if not module.startswith(folder)] == []


def test_no_modules_import_each_other():
    arrows = {name: imports_of(tree_of(path)) - {name} for name, path in KNOWN.items()}
    while free := {name for name, targets in arrows.items() if not targets & arrows.keys()}:
        arrows = {name: targets for name, targets in arrows.items() if name not in free}
    assert not arrows, f"a circle among {sorted(arrows)}"


@pytest.mark.parametrize("name", ["codes", "derive.standard"])
def test_facts_of_the_standard_import_nothing_of_ours(name):
    own = [path for module, path in KNOWN.items() if module == name or module.startswith(f"{name}.")]
    assert own
    assert {i for path in own for i in imports_of(tree_of(path)) if not i.startswith(name)} == set()


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
        # an operation takes the volume first, and its parameters are flags, said by name and one by one: as many as
        # the flags that people know from elsewhere (2026-12-01: a plane is cut in a dozen words)
        flags = 8 if path.parent.name == "operations" and arguments.kwonlyargs else 0
        assert count <= MOST_PARAMETERS + flags, f"{function.name} takes {count}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_heavy_packages_and_what_a_command_runs_are_imported_in_functions_and_nothing_prints(path):
    tree = tree_of(path)
    for function in functions(tree):
        rooms = {"derive"} if "cli" in path.parts else set()
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                assert {a.name if a.name in HEAVY else a.name.partition(".")[0] for a in node.names} <= HEAVY
            if isinstance(node, ast.ImportFrom):
                package = str(node.module).partition(".")[0]
                late = (name_of(path), node.module) in LATE
                assert late or package in HEAVY | rooms, f"{function.name} imports {node.module}"
    if "regenerate" in path.name or "cli" in path.parts:
        return
    calls = [n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    assert "print" not in calls


FOLDERS = sorted({path.parent for path in MODULES})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def test_a_folder_says_what_it_holds(folder):
    said = ast.get_docstring(tree_of(folder / "__init__.py")) or ""
    assert (folder / "README.md").exists() or 5 <= len(said.splitlines()) <= 20


def test_the_listing_is_short():
    assert len([p for p in (ROOT / "derive").iterdir() if p.name != "__pycache__"]) <= 34


def test_no_stub_is_left():
    for path in MODULES:
        raised = [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.Raise)]
        assert not any("NotImplementedError" in ast.dump(n) for n in raised), path


#: What a table says of a class is never said again in code.
#: But for that which a form is called by: a form is what a person asks for.
IOD_NAMES = {standard.iod(uid).name for uid in standard.sop_class_uids()} - set(FORMS)
#: But for US, which is a value representation as well.
MODALITIES = {target_of(uid).modality for uid in made_class_uids()} - {"*", "US"}
#: The generator of the tables: which IODs they have is said there.
GENERATOR = "derive.standard.regenerate"
#: What is spelled like a modality and is none: two letters of a side of the patient, as Patient Position has them.
SPELLED_ALIKE = {("derive.authoring.entities.patient_orientation", "RF")}
#: A word that callers say, which is that of its IOD.
SPELLED_ALIKE |= {("derive.conversion.options", "segmentation"), ("derive.model.segments", "segmentation")}


def test_there_are_classes_to_look_for():
    assert {"ct-image", "mr-image"} < IOD_NAMES
    assert {"CT", "MR"} < MODALITIES


@pytest.mark.parametrize("path", [p for p in MODULES if name_of(p) != GENERATOR], ids=name_of)
def test_no_iod_and_no_modality_is_named_in_code(path):
    """A builder says for which module it is, and modules are called like IODs."""
    tree = tree_of(path)
    modules = {id(k.value) for k in ast.walk(tree) if isinstance(k, ast.keyword) and k.arg == "module"}
    words = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in modules]
    named = [n for n in words if n.value in IOD_NAMES | MODALITIES and (name_of(path), n.value) not in SPELLED_ALIKE]
    assert [(n.value, n.lineno) for n in named] == []
