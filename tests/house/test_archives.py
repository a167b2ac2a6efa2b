"""Archives: what kind an address is, is asked in one place; what is private to pynetdicom is named in one file."""

from __future__ import annotations

import ast

import pytest

from tests.house.test_layers import MODULES, ROOT, imports_of, name_of, tree_of

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


def reached_into(tree):
    """What is private to an object of somebody else, and the providers of an association of pynetdicom."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            own = ast.unparse(node.value) in ("self", "cls", "super()")
            private = node.attr.startswith("_") and not node.attr.startswith("__") and not own
            if (
                private
                or node.attr in ("dul", "to_provider_queue", "msg_queue")
                or (node.attr == "dimse" and "association" in ast.unparse(node.value))
            ):
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("pynetdicom"):
            yield from (part for a in node.names for part in f"{node.module}.{a.name}".split(".") if part[0] == "_")


def private_methods(tree):
    """Methods by which a class takes the place of a private one of its base; dunder methods are none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.bases:
            yield from (n.name for n in node.body if isinstance(n, ast.FunctionDef))


def test_what_is_private_to_pynetdicom_is_named_in_one_file():
    paths = {name_of(p): p for p in MODULES if "pacs" in p.parts}
    found = {name: set(reached_into(tree_of(p))) for name, p in paths.items()}
    known = found.pop("derive.pacs.dimse._pynetdicom")
    assert {"_config", "_reactor_checkpoint", "_run_loop_delay", "dul", "msg_queue", "to_provider_queue"} <= known
    assert len(found) > 20
    assert {name: names for name, names in found.items() if names} == {}
    others = [name for name in found if "_create_socket" in set(private_methods(tree_of(paths[name])))]
    assert others == []


#: What the rooms behind an archive may not import: one another, and what stands upon them.
CLOSED = {
    "dimse": ("archive", "send", "fetch", "verify", "folder", "web", "service"),
    "web": ("archive", "send", "fetch", "verify", "folder", "dimse", "service"),
    "service": ("archive", "send", "fetch", "verify", "folder", "web"),
}


@pytest.mark.parametrize("room", CLOSED)
def test_ways_to_speak_with_an_archive_know_nothing_of_one_another(room):
    own = {name_of(p): imports_of(tree_of(p)) for p in MODULES if p.parts[-3:-1] == ("pacs", room)}
    assert len(own) > 3
    closed = {f"derive.pacs.{name}" for name in CLOSED[room]}
    met = {m: {i for i in imported if ".".join(i.split(".")[:3]) in closed} for m, imported in own.items()}
    assert {m: found for m, found in met.items() if found} == {}
