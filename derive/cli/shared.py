"""What sub-commands that make a series have in common: flags, options, and what they print."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import derive
from derive.cli.pages import GENERAL, RESULT, SOURCE, group_of, say
from derive.errors import OutputError, SourceError, UsageError
from derive.limits import is_there
from derive.told.wording import counted, flag

if TYPE_CHECKING:
    from derive.reading.choice import Chosen

#: What instances can be, as derive.model.classes has it, which needs pydicom.
FORMS = ("classic", "enhanced", "legacy-converted")
#: What those of a result can be.
MADE_FORMS = ("classic", "enhanced", "parametric-map")
PICTURES = ("secondary-capture", "multi-frame-secondary-capture")
#: How it can be encoded without loss, as derive.pixels.compress has it.
COMPRESSIONS = ("jpeg2000", "jpeg-ls", "rle", "htj2k", "deflated")


def series_flags(group: argparse._ArgumentGroup) -> None:
    """Add what can be said of a new series."""
    group.add_argument(
        "--series",
        metavar="WHICH",
        help="which series of the input: a UID, a Series Number, #2 for the second that is listed, "
        "or a pattern such as '*chest*'",
    )
    choice_flags(group)
    assume_flag(group)
    group.add_argument("--series-description", metavar="TEXT", help="Series Description of the result")
    group.add_argument("--series-number", type=int, metavar="N", help="Series Number of the result")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        type=assignment,
        metavar="KEYWORD=VALUE",
        help="series-level text of the result; repeatable",
    )
    group.add_argument(
        "--uids",
        choices=["random", "reproducible"],
        default="random",
        help="new UIDs at random, or from sources, steps and pixels",
    )
    group.add_argument("--uid-prefix", metavar="ROOT", help="the UID root of your organisation")
    group.add_argument(
        "--timestamp",
        type=timestamp,
        metavar="ISO",
        help="when the pixels are made, e.g. 2026-11-21T09:30:00 (default: now; nothing beside dates of a source that "
        "were shifted or removed)",
    )


def form_flags(group: argparse._ArgumentGroup, *, pictures: bool = False) -> None:
    """Add what the instances of a new series can be, pictures that somebody's function draws among them."""
    group.add_argument(
        "--as",
        dest="into",
        choices=(*MADE_FORMS, *(PICTURES if pictures else ())),
        help="single frames, multi-frame instances, or maps of a quantity (default: as the source; classic of what was "
        "legacy-converted)"
        + ("; or pictures that the function draws, an instance each or all in one" if pictures else ""),
    )
    group.add_argument(
        "--numbers",
        choices=("int16", "float32", "float64"),
        help="how the values of a parametric map are stored (default: int16, which most readers read)",
    )
    if pictures:
        burned_in_flag(group)
    one_object_flag(group)
    series_per_flag(group)


def burned_in_flag(group: argparse._ArgumentGroup) -> None:
    """Add what has to be said of pictures."""
    group.add_argument("--burned-in-annotation", choices=["YES", "NO"], help="whether pictures show whose they are")


def series_per_flag(group: argparse._ArgumentGroup) -> None:
    """Add how many series several volumes become."""
    group.add_argument(
        "--series-per",
        choices=("source", "volume"),
        default="source",
        help="several volumes as one series, as the source is, or as a series each, in folders of their own (default: "
        "source; CT, whose images cannot tell volumes apart, a series each)",
    )


def one_object_flag(group: argparse._ArgumentGroup) -> None:
    """Add how many instances there are of multi-frame ones."""
    group.add_argument(
        "--one-object", action="store_true", help="all volumes in one multi-frame instance (default: as in the source)"
    )


def choice_flags(group: argparse._ActionsContainer) -> None:
    """Add what can be chosen of a series that is more than one volume."""
    group.add_argument(
        "--stack",
        metavar="N",
        help="which of its stacks, where they lie several ways, or are a magnitude and a phase: a number or a name, as "
        "inspect lists them",
    )
    group.add_argument(
        "--volume",
        action="append",
        default=[],
        type=int,
        metavar="N",
        help="which of several volumes, from 1; repeatable",
    )
    group.add_argument(
        "--where",
        action="append",
        default=[],
        type=assignment,
        metavar="KEYWORD=VALUE",
        help="only what says this, such as DiffusionBValue=0; repeatable",
    )
    group.add_argument("--frames", metavar="N-M,N", help="only these frames, from 1, such as 1-40,45")


def chosen_of(arguments: argparse.Namespace) -> Chosen:
    """Return what flags choose of a series, as derive.read takes it."""
    return {
        "stack": arguments.stack,
        "volumes": arguments.volume or None,
        "where": dict(arguments.where),
        "frames": arguments.frames,
    }


def assume_flag(group: argparse._ActionsContainer) -> None:
    """Add what a person can say of files that do not say it themselves."""
    group.add_argument(
        "--assume",
        action="append",
        default=[],
        type=assignment,
        metavar="KEYWORD=VALUE",
        help="what the source does not say, or says illegally, such as Units=BQML; never in place of what is legal; "
        "the result says that a person said it; repeatable",
    )


def reading_flags(parser: argparse.ArgumentParser) -> None:
    """Add what every command has that reads files."""
    group = group_of(parser, SOURCE)
    group.add_argument(
        "--unpack-gib",
        type=float,
        metavar="N",
        help="how many GiB one trusted source may be unpacked to (default: 8, and 200 times its size)",
    )


def common_flags(parser: argparse.ArgumentParser) -> None:
    """Add what every command has."""
    group = group_of(parser, GENERAL)
    group.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    group.add_argument("-q", "--quiet", action="store_true", help="no progress, no summary")
    group.add_argument("-v", "--verbose", action="store_true", help="say more on standard error")


def assignment(text: str) -> tuple[str, str]:
    """Read ``KEYWORD=VALUE``."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEYWORD=VALUE")
    return name, value


#: What can be said of images that may have text burned in.
BURNED_IN = ("refuse", "skip", "keep", "vouched")
_WITH_DEIDENTIFY = ("keep_uids", "key_env", "burned_in")


def output_flags(parser: argparse.ArgumentParser) -> None:
    """Add what every command that writes a series has."""
    group = group_of(parser, RESULT)
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a folder that is not empty, as a whole, if derive wrote all that is in it; and a manifest",
    )
    group.add_argument(
        "--manifest",
        metavar="FILE",
        help="write sources, parameters, versions, UIDs, errors and findings as JSON",
    )
    compress_flag(group)
    group.add_argument("--dry-run", action="store_true", help="write nothing and say what would be made")
    group.add_argument("--jobs", type=int, metavar="N", help="threads that work side by side (default: the cores)")
    _deidentify_flags(parser.add_argument_group("a result that names nobody"))


def compress_flag(group: argparse._ActionsContainer) -> None:
    """Add how what is written is encoded."""
    group.add_argument(
        "--compress",
        choices=COMPRESSIONS,
        help="encode without loss what is written; each frame is decoded again and compared (default: native)",
    )


def _deidentify_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--deidentify",
        metavar="PROFILE",
        help="as derive deidentify does (PS3.15 Annex E): basic, basic+device-identity, ...; what is not fit "
        "to be published goes to FOLDER.quarantine",
    )
    add("--keep-uids", action="store_true", help="UIDs, and so references to the sources, stay")
    add("--key-env", metavar="VARIABLE", help="environment variable with the key (default: what derive.toml says)")
    add("--burned-in", choices=BURNED_IN, help="what becomes of images that may have text burned in (default: refuse)")


def timestamp(text: str) -> datetime:
    """Read a time as ISO 8601 has it."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2026-11-21T09:30:00") from None


def input_of(paths: list[str]) -> str | list[str]:
    """Return what was named on the command line, as derive.read takes it."""
    return paths[0] if len(paths) == 1 else paths


def existing(paths: list[str]) -> list[str]:
    """Return paths that are all there, before anything is imported that reads them.

    Raises
    ------
    SourceError
        ``SRC-MISSING``.
    """
    for path in map(Path, paths):
        if not is_there(path):
            raise SourceError("SRC-MISSING", f"{path.name} does not exist")
    return paths


def sources_of(arguments: argparse.Namespace) -> list[Path]:
    """Return the files and folders that were named to be read, which nothing that is written may touch."""
    named = [getattr(arguments, name, None) for name in ("source", "reference", "compare")]
    paths = [p for one in named if one for p in ([one] if isinstance(one, str) else one)]
    return [Path(p) for p in paths if os.path.exists(p)]


def deidentify_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what flags say of a result that names nobody, as DerivedSeries.deidentified takes it; nothing without.

    Raises
    ------
    UsageError
        ``DEID-FLAGS`` for a flag that goes with ``--deidentify``, where that is not given.
    """
    given = {name: value for name in _WITH_DEIDENTIFY if (value := getattr(arguments, name, None))}
    if arguments.deidentify:
        return {"profile": arguments.deidentify, **given}
    if given:
        raise UsageError("DEID-FLAGS", f"{flag(next(iter(given)))} goes with {flag('deidentify', 'PROFILE')}")
    return {}


def series_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what flags say of the new series, as derive.build takes it."""
    burned_in = getattr(arguments, "burned_in_annotation", None)
    return {
        "series_description": arguments.series_description,
        "series_number": arguments.series_number,
        "uids": arguments.uids,
        "uid_prefix": arguments.uid_prefix,
        "timestamp": arguments.timestamp,
        "spatial_locations_preserved": getattr(arguments, "spatial_locations_preserved", None),
        "quantity": getattr(arguments, "quantity", None),
        "quantity_code": getattr(arguments, "quantity_code", None),
        "quantity_items": dict(getattr(arguments, "quantity_item", ())),
        "into": getattr(arguments, "into", None),
        "numbers": getattr(arguments, "numbers", None),
        "one_object": getattr(arguments, "one_object", False),
        "series_per": getattr(arguments, "series_per", "source"),
        "compress": arguments.compress,
        "set": dict(arguments.set) | ({"BurnedInAnnotation": burned_in} if burned_in else {}),
    }


def check_manifest(arguments: argparse.Namespace) -> None:
    """Refuse a manifest that cannot be written, or that would lie among the DICOM files, before any work."""
    if not arguments.manifest:
        return
    from derive.writing.atomic import refuse_files
    from derive.writing.report import is_report

    manifest, output = Path(arguments.manifest), Path(arguments.output).resolve()
    refuse_files([manifest], sources_of(arguments), overwrite=arguments.overwrite)
    if output in manifest.resolve().parents:
        raise OutputError("OUT-MANIFEST", f"{manifest.name} would lie in the folder of the series; put it beside it")
    if not manifest.absolute().parent.is_dir():
        raise OutputError("OUT-MANIFEST", f"{manifest.name} cannot be written: no such folder")
    if manifest.exists() and not is_report(manifest):
        raise OutputError(
            "OUT-FOREIGN",
            f"{manifest.name} is there, and is no manifest that derive wrote; it is not replaced: choose another name",
        )


def write(series: derive.DerivedSeries, folder: Path, arguments: argparse.Namespace) -> None:
    """Write a series into a folder, and say how it went."""
    report = series.write(folder, overwrite=arguments.overwrite)
    if arguments.manifest:
        write_manifest(report, arguments)
    print_report(report, arguments)


def write_manifest(report: derive.Report | derive.DeidentificationReport, arguments: argparse.Namespace) -> None:
    """Write the report as JSON."""
    from derive.writing.atomic import write_file

    data = f"{json.dumps(report.to_json(), indent=1)}\n".encode()
    try:
        check_manifest(arguments)  # once more: to derive a series takes a while
        write_file(Path(arguments.manifest), data, overwrite=arguments.overwrite)
    except OutputError as error:
        text = f"the series is written, and its manifest is not: {error.message}"
        raise OutputError("OUT-MANIFEST", text) from error


def print_report(report: derive.Report, arguments: argparse.Namespace) -> None:
    """Print a report: one line, or JSON; what was skipped and found on standard error."""
    if arguments.json:
        print_json(report.to_json())
    elif not arguments.quiet:
        from derive.checking.finding import grouped
        from derive.model.remark import lines_of

        for reason, count in Counter(s.reason for s in report.source.skipped).items():
            say(f"skipped {counted(count, 'file')}: {reason}", stream=sys.stderr)
        for line in lines_of(report.remarks, len(report.source.frames)):
            say(line, stream=sys.stderr)
        for note in report.notes:
            say(f"note: {note}", stream=sys.stderr)
        for group in grouped(report.findings):
            say(str(group), stream=sys.stderr)
        say(str(report))
        for segment in report.segments:
            say(f"  {segment}")


def print_plan(series: derive.DerivedSeries, arguments: argparse.Namespace) -> None:
    """Print what would be made."""
    plan = series.plan()
    if arguments.json:
        print_json(plan.to_json())
    else:
        say(str(plan))


def print_json(value: Any) -> None:
    """Print JSON."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")
