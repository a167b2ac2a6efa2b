"""``derive demo``: a phantom, and three series that are derived from it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import derive
from derive.cli.pages import say
from derive.cli.shared import common_flags, print_json
from derive.errors import DeriveError

if TYPE_CHECKING:
    from derive.operations import Operation

PHANTOM = "phantom"


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.add_argument(
        "output", metavar="FOLDER", help="folder to write: new, empty, or that of an earlier demonstration"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what derive wrote there, whatever it is of")
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write a phantom and derive three series from it; an earlier demonstration is replaced."""
    from derive.demo import phantom_datasets
    from derive.writing.atomic import target_folder, unwritable
    from derive.writing.part10 import file_name

    folder, steps = Path(arguments.output), _steps()
    phantom = folder / PHANTOM
    overwrite = arguments.overwrite or _is_demonstration(folder, [PHANTOM, *steps])
    if overwrite and not (arguments.overwrite or arguments.quiet):
        say(f"the demonstration that is in {folder.name} is made anew", stream=sys.stderr)
    with target_folder(phantom, 0, (), overwrite=overwrite) as temporary:
        for number, dataset in enumerate(phantom_datasets(), 1):
            try:
                dataset.save_as(temporary / file_name(number), enforce_file_format=True)
            except OSError as error:
                raise unwritable(phantom.name, error) from error
    source = derive.read(phantom)
    reports = []
    for name, operation in steps.items():
        series = derive.build(source, operation)
        reports.append(series.write(folder / name, overwrite=overwrite))
    if arguments.json:
        print_json({"schema": "derive-demo/1", "reports": [r.to_json() for r in reports]})
    elif not arguments.quiet:
        say("\n".join([*map(str, reports), *_next(folder, list(steps))]))
    return 0


def _steps() -> dict[str, Operation]:
    from derive.operations import gaussian_blur, mip, resample

    return {
        "blurred": gaussian_blur(sigma_mm=1.5),
        "resampled": resample(spacing_mm=1.0),
        mip.name: mip(slab_mm=10.0, step_mm=5.0, plane="coronal"),
    }


def _is_demonstration(folder: Path, names: Iterable[str]) -> bool:
    """Whether all that would be replaced is of the phantom: nothing of it is lost that cannot be made again."""
    there = [folder / name for name in names if (folder / name).is_dir() and any((folder / name).iterdir())]
    return bool(there) and all(_of_phantom(path) for path in there)


def _of_phantom(folder: Path) -> bool:
    from derive.demo import PATIENT_ID

    try:
        series = derive.read(folder)
    except DeriveError:
        return False
    return series.value("PatientID") == PATIENT_ID and not series.skipped


def _next(folder: Path, names: Sequence[str]) -> Iterator[str]:
    """Give lines to go on with."""
    first, second, third = (shlex.quote(str(folder / name)) for name in names)
    phantom = shlex.quote(str(folder / PHANTOM))
    yield "what to try next:"
    yield f"  derive show {first} -o blurred.png --compare {phantom}"
    yield f"  derive explain {second} --tag PixelSpacing"
    yield f"  derive verify {third}"
    yield "  derive inspect FOLDER        a folder of your own"
    yield "  derive help                  what else there is"
