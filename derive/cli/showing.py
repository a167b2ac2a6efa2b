"""``derive show``: a series as a picture, by itself or beside its source."""

from __future__ import annotations

import argparse
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from derive.cli.pages import RESULT, group_of, say
from derive.cli.shared import (
    assume_flag,
    choice_flags,
    chosen_of,
    common_flags,
    existing,
    print_json,
    reading_flags,
    sources_of,
)
from derive.errors import DeriveError, OutputError, UsageError
from derive.model.axes import DISPLAY
from derive.told.progress import tell

if TYPE_CHECKING:
    from derive.display.page import Page
    from derive.display.sight import Sight
    from derive.reading.choice import Chosen

SCHEMA = "derive-show/1"
DESCRIPTION = (
    "Draw the three middle planes of a series as a PNG: with its own window, the letters of the patient's sides "
    "(R L A P H F) and a millimetre scale. The patient's right is on the left; head and front are up. "
    "--compare puts source, result and their difference side by side at the same places. "
    "No patient's name is on the picture unless --show-patient asks for it; what is burned into pixels stays."
)


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE",
        help="folder, zip archive or files of one series; or a .nii.gz, .nrrd, .mha, .npy",
    )
    result = group_of(parser, RESULT)
    result.add_argument("-o", "--output", required=True, metavar="FILE.png", help="the picture")
    parser.add_argument("--compare", metavar="SERIES", help="what it was derived from, or any other series")
    parser.add_argument(
        "--plane", choices=list(DISPLAY), help="only this plane of the volume's own grid (default: all)"
    )
    parser.add_argument(
        "--slice", type=int, metavar="N", help="from 1: of --plane, else of the slices of the series (default: middle)"
    )
    parser.add_argument(
        "--window", type=float, nargs=2, metavar=("CENTER", "WIDTH"), help="instead of the series' own window"
    )
    parser.add_argument(
        "--series", metavar="WHICH", help="which series of the input: a UID, a Series Number, #2, or a pattern"
    )
    parser.add_argument("--compare-series", metavar="WHICH", help="which series of --compare")
    parser.add_argument("--compare-stack", metavar="N", help="which of its stacks")
    parser.add_argument(
        "--compare-volume", type=int, metavar="N", help="which of its volumes (default: as --volume and --where say)"
    )
    choice_flags(parser)
    result.add_argument("--show-patient", action="store_true", help="write the patient's name and ID on the picture")
    result.add_argument("--overwrite", action="store_true", help="replace a picture that is there")
    reading_flags(parser)
    assume_flag(parser)
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw a picture and write it."""
    target = Path(arguments.output)
    if target.suffix.lower() != ".png":
        raise UsageError("SHOW-FORMAT", f"{target.name} is no name of a PNG file; wanted -o FILE.png")
    existing(arguments.source)
    _check(target, arguments)
    return _drawn(target, arguments)


def _drawn(target: Path, arguments: argparse.Namespace) -> int:
    from derive.display.compose import Wishes, comparison_of, page_of
    from derive.display.draw import save
    from derive.display.sight import sight_of

    wishes = Wishes(arguments.plane, arguments.window, arguments.slice, arguments.show_patient)
    sight = sight_of(arguments.source, arguments.series, dict(arguments.assume), **chosen_of(arguments))
    told = partial(tell, "drawing")
    if arguments.compare:
        page = comparison_of(sight, _compared(arguments), wishes, told)
    else:
        page = page_of(sight, wishes, told)
    size = save(page, target, overwrite=arguments.overwrite)
    if arguments.json:
        print_json(_json(target, size, page))
    elif not arguments.quiet:
        say(_line(target, size, page, sight))
    return 0


def _compared(arguments: argparse.Namespace) -> Sight:
    """Look at what is compared; of several volumes the one that was chosen of the other side, if nothing else is said.

    Raises
    ------
    DeriveError
        As :func:`derive.display.sight.sight_of`, with the flags that choose here.
    """
    from derive.display.sight import sight_of

    volume = arguments.compare_volume
    chosen: Chosen = {"stack": arguments.compare_stack, "volumes": None if volume is None else [volume]}
    try:
        other = sight_of(arguments.compare, arguments.compare_series, **chosen)
        if other.of_volumes > 1 and volume is None and (arguments.volume or arguments.where):
            here: Chosen = {**chosen, "volumes": arguments.volume or None, "where": dict(arguments.where)}
            other = sight_of(arguments.compare, arguments.compare_series, **here)
    except DeriveError as error:
        message = re.sub(r"--(series|stack|volume)\b", r"--compare-\1", error.message)
        raise type(error)(error.code, message, **error.facts) from error
    return other


def _check(target: Path, arguments: argparse.Namespace) -> None:
    """Refuse a place for the picture before anything is read."""
    from derive.writing.atomic import refuse_files

    if not target.absolute().parent.is_dir():
        raise OutputError("OUT-WRITE", f"{target.name} cannot be written: its folder does not exist")
    refuse_files([target], sources_of(arguments), overwrite=arguments.overwrite)


def _json(target: Path, size: tuple[int, int], page: Page) -> dict[str, object]:
    return {"schema": SCHEMA, "path": str(target), "size_px": list(size)} | page.to_json()


def _line(target: Path, size: tuple[int, int], page: Page, sight: Sight) -> str:
    planes = ", ".join(f"{cut.plane} {cut.index + 1} of {cut.count}" for cut in page.cuts)
    several = f" of the first of {sight.of_volumes} volumes" if sight.of_volumes > 1 else ""
    return f"{target}: {size[0]} x {size[1]} pixels; {planes}{several}; {page.grey.says(sight.units)}"
