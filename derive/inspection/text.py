"""A stack for people: a block of aligned lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from derive.inspection.content import Coding, Values
from derive.inspection.grid import Grid, Odd
from derive.inspection.parts import SeriesPart
from derive.inspection.stacks import Stack
from derive.inspection.verdicts import Verdict
from derive.standard import known_terms
from derive.told.secrecy import shown_term
from derive.told.wording import counted

WIDTH = 120
_INDENT, _LABEL = 4, 16
#: So many files, gaps and odd kinds are named; the others are counted.
_NAMED = 3


def block(stack: Stack) -> Iterator[str]:
    """Give the lines of a stack: what it is, where it lies, what its values are, and what derive says to it."""
    number = "-" if stack.number is None else f"#{stack.number}"
    frames = f" of {stack.frames} frames" if stack.frames > stack.images else ""
    said = f", Series Number {stack.series_number}" if stack.series_number else ""
    kind = f"{stack.modality}, " if stack.modality else ""
    images = f"{counted(stack.images, 'image')}{frames}"
    yield f"{number:<{_INDENT}}{kind}{stack.class_name or 'no SOP Class'}, {images}{said}"
    lines = {
        "series": stack.series_instance_uid or "no UID",
        "study": stack.study_instance_uid or "no UID",
        "files": _run(stack.files),
        "copies": _copies(stack.copies),
        "image type": some(stack.image_types, "; "),
        **_grid_lines(stack.grid),
        **_part_lines(stack.parts),
        "values": _values(stack.values),
        "coding": _coding(stack.coding),
    }
    for label, text in lines.items():
        if text:
            yield from wrapped(label, text)
    yield from _verdicts(stack)


def _grid_lines(grid: Grid) -> dict[str, str]:
    return {
        "grid": _grid(grid),
        "planes": _planes(grid),
        "gaps": some(
            [
                f"{g.mm:.5g} mm between {g.after} and {g.before}: {counted(g.missing, 'slice')} missing "
                f"({g.expected_mm:.5g} mm between others)"
                for g in grid.gaps
            ],
            "; ",
        ),
        "repeated": _repeats(grid),
        "odd": some([_odd(o) for o in grid.odd], "; "),
    }


def _part_lines(parts: Sequence[SeriesPart]) -> dict[str, str]:
    if len(parts) == 1:
        return {"volumes": str(parts[0])} if parts[0].dimensions else {}
    return {f"stack {part.number}": f"{part.name}, {part}" for part in parts}


def _odd(odd: Odd) -> str:
    return f"{odd.attribute} {odd.value} in {counted(len(odd.files), 'image')} ({some(odd.files)}), most {odd.usual}"


def _copies(names: Sequence[str]) -> str:
    return f"{counted(len(names), 'more file')} with the same header: {some(names)}" if names else ""


def _grid(grid: Grid) -> str:
    sizes = [grid.columns, grid.rows, grid.slices]
    if grid.columns is None and grid.rows is None:
        return ""
    if grid.spacing_by:
        return _own_grid(grid)
    parts = [" x ".join("?" if n is None else str(n) for n in (sizes if grid.slices else sizes[:2]))]
    if grid.spacing_xyz_mm:
        parts.append("of " + " x ".join("?" if s is None else f"{s:.5g}" for s in grid.spacing_xyz_mm) + " mm (x y z)")
    if grid.extent_xyz_mm:
        parts.append("= " + " x ".join(f"{e:.5g}" for e in grid.extent_xyz_mm) + " mm")
    return " ".join(parts)


def _own_grid(grid: Grid) -> str:
    """Say of images that lie in no patient how large they are, and by what."""
    size = f"{grid.columns} x {grid.rows}"
    if grid.spacing_xyz_mm is None:
        return f"{size}, {grid.spacing_by}, in no patient"
    x, y, _ = grid.spacing_xyz_mm
    return f"{size} of {x:.5g} x {y:.5g} mm (x y) by {grid.spacing_by}, in no patient"


def _planes(grid: Grid) -> str:
    parts = []
    if grid.orientation == "oblique":
        parts.append(f"oblique, {grid.oblique_degrees:.1f} degrees from {grid.nearest}")
    elif grid.orientation:
        parts.append(grid.orientation)
    if grid.orientation:
        parts.append(f"rows towards {grid.rows_towards}, columns towards {grid.columns_towards}")
    if grid.thickness_mm:
        parts.append(f"thickness {_span(grid.thickness_mm)} mm")
    if grid.steps_mm:
        parts.append(f"steps {_span(grid.steps_mm)} mm")
    if grid.tilt_degrees is not None:
        parts.append(f"tilt {grid.tilt_degrees:.2f} degrees")
    return "; ".join(parts)


def _repeats(grid: Grid) -> str:
    found = grid.repeats
    if found is None:
        return ""
    each = str(found.most) if found.least == found.most else f"{found.least} to {found.most}"
    by = ", ".join(f"{keyword} ({counted(count, 'value')})" for keyword, count in found.by[:5])
    return f"{each} images at each of {counted(found.positions, 'position')}; they differ in {by}"


def _values(values: Values) -> str:
    parts = [f"units {values.units}"] if values.units else []
    for e in values.encodings[:_NAMED]:
        sign = {True: ", signed", False: ", unsigned", None: ""}[e.signed]
        samples = f", {e.samples} samples a pixel" if (e.samples or 1) > 1 else ""
        of = f" ({counted(e.files, 'file')})" if len(values.encodings) > 1 else ""
        if e.bits_allocated:
            photometric = shown_term(e.photometric, known_terms()) if e.photometric else "?"
            parts.append(f"{e.bits_stored} of {e.bits_allocated} bits{sign}{samples}, {photometric}{of}")
    if values.slope:
        parts.append(f"slope {_span(values.slope)}")
    if values.intercept:
        parts.append(f"intercept {_span(values.intercept)}")
    if values.paddings:
        parts.append("padding " + some([str(a) if a == b else f"{a} to {b}" for a, b in values.paddings]))
    if values.windows:
        more = f" and {values.window_count - 1} more" if values.window_count > 1 else ""
        parts.append("window {:.6g} / {:.6g}".format(*values.windows[0]) + more)
    return "; ".join(parts)


def _coding(coding: Coding) -> str:
    words = {"none": "not compressed", "unknown": "no transfer syntax that is known"}
    several = len(coding.syntaxes) > 1
    shown = coding.syntaxes[: 2 * _NAMED]
    parts = [
        f"{s.name or 'none stated'}, {words.get(s.compression, s.compression)}"
        + (f" ({counted(s.files, 'file')})" if several else "")
        for s in shown
    ]
    if more := len(coding.syntaxes) - len(shown):
        parts.append(f"{more} more transfer syntaxes")
    if coding.lossy and not any(s.compression == "lossy" for s in coding.syntaxes):
        parts.append("was compressed with loss")
    parts.append("character set " + " and ".join(c or "default" for c in coding.character_sets))
    return "; ".join(parts)


def _verdicts(stack: Stack) -> Iterator[str]:
    fine: dict[str, list[str]] = {}
    for name, verdict in stack.operations.items():
        if verdict.ok:
            fine.setdefault(verdict.flags, []).append(_hyphened(name))
    for remark in stack.remarks:
        label, _, text = remark.partition(" ")
        yield from wrapped(label, text)
    if stack.reads.ok:
        yield from wrapped("ok", ", ".join(["read", *fine.pop("", ())]))
        for flags, names in fine.items():
            yield from wrapped("ok", f"with {flags}: {', '.join(names)}")
    elif "" in fine:
        yield from wrapped("ok", f"all stacks, each by itself: {', '.join(fine[''])}")
    for problem in stack.problems:
        said_by = [] if problem.code == stack.reads.code else [_hyphened(o) for o in problem.operations]
        yield from refused(problem.code, Verdict(problem.code, problem.message, problem.fix), said_by)
    if stack.without_odd is not None:
        rest = "ok" if stack.without_odd.ok else f"{stack.without_odd.code}: {stack.without_odd.message}"
        yield from wrapped("", f"without the odd files: {rest}")


def refused(label: str, verdict: Verdict, said_by: Sequence[str]) -> Iterator[str]:
    """Give the lines of a refusal and of what would change it."""
    who = f"{', '.join(said_by)}: " if said_by else ""
    code = "" if label == verdict.code else f"{verdict.code}: "
    yield from wrapped(label, f"{who}{code}{verdict.message}")
    if verdict.fix:
        yield from wrapped("", f"-> {verdict.fix}")


def wrapped(label: str, text: str, indent: int = _INDENT) -> Iterator[str]:
    """Give a labelled text in lines of at most :data:`WIDTH` characters; long words stay whole."""
    margin = " " * (indent + _LABEL)
    head = " " * indent + f"{label:<{_LABEL - 1}} "
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False
    )


def some(names: Sequence[str], between: str = ", ") -> str:
    """Name the first, and how many more there are."""
    more = f"{between}{len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return between.join(names[:_NAMED]) + more


def _run(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _span(values: tuple[float, float]) -> str:
    low, high = (f"{v:.5g}" for v in values)
    return low if low == high else f"{low} to {high}"


def _hyphened(name: str) -> str:
    """Name of an operation as the command line has it."""
    return name.replace("_", "-")
