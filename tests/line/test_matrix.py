"""Every operation on every kind of source, in every form: what comes out is true, or a refusal names what helps.

A cell of the matrix is an operation with the parameters of its trial, a kind of source, and an option. Operations come
from the registry, kinds from :mod:`tests.helpers.kinds`. A cell is refused if a line of ``refused_cells.tsv`` says so,
and with no other code; each other is written, read, checked, computed again, and compared with arrays of numbers.

Options depend on what an operation declares, and on nothing else of it: of all that declare the same one goes through
them, so that another operation costs a row and not a table.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import derive
from derive.errors import DeriveError
from derive.model.colours import HIGH, LOW, Colours
from derive.model.frames import Volumes
from derive.model.source import Sources
from derive.model.stacking import coloured, in_colours, stacked
from derive.model.volume import Volume
from derive.operations import REGISTRY, Operation
from derive.operations.declaration import Function, Registration
from derive.operations.kit.colouring import on_colours
from derive.operations.kit.joining import join
from tests.helpers.kinds import KINDS, sibling
from tests.helpers.registrations import small_turn, text

OPTIONS: dict[str, dict[str, Any]] = {
    "as the source": {},
    "classic": {"into": "classic"},
    "enhanced": {"into": "enhanced"},
    "a series a volume": {"series_per": "volume"},
    "one object": {"into": "enhanced", "one_object": True},
}
TABLE = Path(__file__).parents[1] / "helpers" / "refused_cells.tsv"
#: Whom a line of the table is about, beside a single operation by its name.
GROUPS = {
    "all": lambda operation, source: True,
    "along no dimension": lambda operation, source: (
        operation.kind.along and not operation.kind.others and not operation.kind.suits and not source.dimensions
    ),
    "takes no such slices": lambda operation, source: not operation.takes(source.geometry),
    "needs a patient": lambda operation, source: not operation.takes_own_plane,
    "takes other series": lambda operation, source: bool(operation.kind.others),
    "takes no colours": lambda operation, source: not operation.kind.takes_colours,
    "makes colours": lambda operation, source: operation.kind.makes_colours,
    "suits it not": lambda operation, source: operation.kind.suits is not None and not operation.kind.suits(source),
    "mixes values": lambda operation, source: operation.mixes,
}


#: A refusal names what a caller can say.
#: But no flag makes a diffusion or an uptake of what is none, and values of a quantity of colours.
NO_FLAG = {"OP-SAMPLES", "OP-MODEL", "OP-SUV", "OP-COLOUR"}
FLAG = re.compile(r"\b[a-z_]+=\S|derive\.operations\.\w+\(")


@dataclass(frozen=True)
class Refused:
    """A line of the table."""

    kind: str
    option: str
    who: str
    code: str

    def holds(self, kind: str, option: str, operation: Operation, source: derive.SourceSeries) -> bool:
        """Whether it is about a cell."""
        if not fnmatchcase(kind, self.kind) or self.option not in (option, "*"):
            return False
        group = GROUPS.get(self.who)
        return group(operation, source) if group else self.who == operation.kind.name


LINES = [Refused(**line) for line in csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines(), delimiter="\t")]


def options_of(kind: str) -> list[str]:
    """The options that change something of a kind; ``as the source`` is in the first table."""
    source = KINDS[kind]
    changing = ["classic" if source.form == "enhanced" else "enhanced"]
    return [*changing, "a series a volume", "one object"] if source.volumes > 1 else changing


def representatives() -> list[str]:
    """One operation of each declaration: the first by name."""
    declared = {}
    for name, kind in sorted(REGISTRY.items()):
        declared.setdefault((kind.geometry_effect, kind.values_effect, kind.along, bool(kind.others)), name)
    return sorted(declared.values())


CELLS = [(name, kind, "as the source") for name in sorted(REGISTRY) for kind in KINDS]
CELLS += [(name, kind, option) for name in representatives() for kind in KINDS for option in options_of(kind)]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Each kind on the disk, read once."""

    @cache
    def get(name: str, beside: bool = False) -> tuple[Path, derive.SourceSeries]:
        made = KINDS[name].make()
        folder = tmp_path_factory.mktemp("kind")
        for number, dataset in enumerate(sibling(made) if beside else made):
            dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
        return folder, derive.read(folder, **KINDS[name].choice)

    return get


def tried(name: str, kind: str, sources) -> Operation:
    """The operation with the parameters of its trial; what takes other series or a registration has one beside it."""
    operation, (folder, source) = REGISTRY[name], sources(kind)
    try:
        if operation.taking(Registration):
            by = derive.read_transform(shift_beside(folder))
            return operation(**dict.fromkeys(operation.taking(Registration), by), reference=source)
        if operation.others:
            return operation(**dict.fromkeys(operation.others, sources(kind, beside=True)[1]))
        return operation.tried_on(source.geometry, source.dimensions)
    except DeriveError as error:
        needed = f"{name} has no trial, which is to be declared: @operation(..., trial=lambda geometry: {{...}})"
        pytest.fail(f"{needed} gives parameters with which it can be tried on any series. {error.message}")


def shift_beside(folder: Path) -> Path:
    """A registration as a file beside a folder."""
    return text(folder.parent, small_turn(0, (1.5, -2.5, 1.0)), f"{folder.name}.txt")


def written(source: derive.SourceSeries, operation: Operation, option: str, folder: Path) -> derive.Report | Exception:
    """Write a cell; or say why it is refused."""
    try:
        return derive.build(source, operation, **OPTIONS[option]).write(folder)
    except DeriveError as error:
        return error


def in_numbers(source: derive.SourceSeries, operation: Operation) -> list[Volume]:
    """The operation done to arrays of numbers, one for each volume, or each sample of it."""
    if in_colours(source):
        colours = Colours(*map(as_numbers, coloured(source, uneven=True).samples))
        return samples_of(on_colours(operation.settled(colours.lightest), colours))
    given = replace(stacked(source, uneven=True), source=source)  # which says how its values are shown
    _, joined = join(operation.settled(given), Sources(source), given)
    made = joined.on(as_numbers(given))
    return samples_of(made) if isinstance(made, Colours) else list(made.volumes)


def samples_of(colours: Colours) -> list[Volume]:
    """The volumes of red, then green, then blue, as they are stored."""
    return [replace(v, pull=Stored(v)) for sample in colours.samples for v in sample.volumes]


def as_numbers(given: Volumes) -> Volumes:
    """Volumes whose values are there, and not read."""
    arrays = [Volume.from_array(np.array(v.array), v.geometry, v.quantity) for v in given.volumes]
    return Volumes(tuple(arrays), given.dimensions, given.durations, source=given.source)


@dataclass(frozen=True)
class Stored:
    """Slices of a sample of a colour, as its 8 bits hold them: whole numbers, and none beyond black and white."""

    volume: Volume

    def __call__(self, first: int, last: int) -> np.ndarray:
        return np.clip(np.rint(self.volume.slab(first, last)), LOW, HIGH)


def read_back(folder: Path, report: derive.Report) -> list[Volume]:
    """The volumes of all series that were written, in their order; of colours those of red, then green, then blue."""
    folders = [folder / made.folder for made in report.series] or [folder]
    series = [derive.read(each) for each in folders]
    if in_colours(series[0]):
        colours = [coloured(each, uneven=True) for each in series]
        return [v for samples in zip(*(c.samples for c in colours), strict=True) for s in samples for v in s.volumes]
    return [volume for each in series for volume in stacked(each, uneven=True).volumes]


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_operation_has_a_trial(name, sources):
    assert tried(name, "CT", sources).kind is REGISTRY[name]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_what_it_is_called(kind, sources):
    _, source = sources(kind)
    assert len(source.frames) == KINDS[kind].volumes * source.geometry.shape[0]
    assert bool(source.dimensions) == (KINDS[kind].volumes > 1)


def test_every_line_of_the_table_is_about_some_cell(sources):
    for line in LINES:
        found = (
            line.holds(kind, option, tried(name, kind, sources), sources(kind)[1])
            for name, kind, option in CELLS
            if fnmatchcase(kind, line.kind)
        )
        assert any(found), line


@pytest.mark.parametrize(("name", "kind", "option"), CELLS)
def test_a_cell(name, kind, option, sources, tmp_path):
    folder, source = sources(kind)
    operation = tried(name, kind, sources)
    wanted = {line.code for line in LINES if line.holds(kind, option, operation, source)}
    report = written(source, operation, option, tmp_path / "out")
    if isinstance(report, DeriveError):
        assert report.code in wanted, str(report)
        assert report.code in NO_FLAG or FLAG.search(report.message), str(report)
        return
    assert not wanted, f"{wanted} is expected, and nothing is refused"
    assert report.saturated == 0
    expected = in_numbers(source, operation)
    found = read_back(tmp_path / "out", report)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.array, other.array, rtol=0, atol=report.value_error * 1.001 + 1e-3)
        if other.geometry.in_patient:  # else its coordinates begin at its own first pixel, and no file says where
            np.testing.assert_allclose(one.geometry.first_position, other.geometry.first_position, atol=1e-3)
        np.testing.assert_allclose(one.geometry.slice_step, other.geometry.slice_step, atol=1e-3)
    assert [f for f in derive.check(tmp_path / "out").findings if f.severity == "error"] == []
    at_hand = [folder, sources(kind, beside=True)[0]] if operation.kind.others else folder
    by = shift_beside(folder) if operation.kind.taking(Registration) else None
    verified = derive.verify(tmp_path / "out", at_hand, reference=by)
    assert len(verified.series) == len(report.series)
    assert verified.verdict == ("NOT-RECOMPUTABLE" if operation.kind.taking(Function) else "SAME"), str(verified)
