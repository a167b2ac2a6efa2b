"""``derive convert``: volumes and pictures to a series, a series to another form, and a series to a volume."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import derive
from derive.cli.flags import add_fields, algorithm_flags, algorithm_of, flag_of, places_flag
from derive.cli.network import deliver, send_flags, source_folder
from derive.cli.pages import RESULT, group_of, say
from derive.cli.shared import (
    FORMS,
    burned_in_flag,
    check_manifest,
    chosen_of,
    common_flags,
    existing,
    input_of,
    one_object_flag,
    output_flags,
    print_json,
    reading_flags,
    series_flags,
    series_options,
    series_per_flag,
)
from derive.conversion.options import KINDS, Conversion
from derive.conversion.segment_options import Segmenting
from derive.errors import UsageError
from derive.formats import is_volume_or_picture
from derive.formats.arrays import TYPES, RawLayout
from derive.formats.writers import format_named
from derive.model.segments import SEGMENTATION

if TYPE_CHECKING:
    from derive.authoring.decision import Entry

DESCRIPTION = (
    "Make a series of a volume or of pictures (NIfTI, NRRD, MetaImage, npy, raw bytes, TIFF, PNG, JPEG), or a "
    "segmentation of labels, or write a "
    "series as a volume (-o FILE.nii.gz, .nrrd, .mha, .npy), or with the same pixels in another form (--as classic, "
    "enhanced or legacy-converted)."
)


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "source", nargs="+", metavar="SOURCE", help="a file; or the folder, archive or files of a series"
    )
    result = group_of(parser, RESULT)
    result.add_argument(
        "-o",
        "--output",
        metavar="TARGET",
        help="new or empty folder for the series; or a file .nii.gz, .nrrd, .mha, .npy",
    )
    _what_flags(parser.add_argument_group("what it becomes"))
    add_fields(parser.add_argument_group("what its labels are, as segmentation"), Segmenting, _SEGMENTS)
    _whose_flags(parser.add_argument_group("whose it is, without --reference"))
    add_fields(parser.add_argument_group("where it lies, if the file does not say"), Conversion, _WHERE)
    _raw_flags(parser.add_argument_group("how raw bytes lie"))
    series = parser.add_argument_group("series")
    series_flags(series)
    one_object_flag(series)
    series_per_flag(series)
    result.add_argument(
        "--padding-value",
        type=float,
        metavar="NUMBER",
        help="what pixel padding becomes in a volume (default: -1000 in HU, 0 in MR and PET)",
    )
    result.add_argument("--explain", action="store_true", help="write nothing; list what is given, made and left empty")
    output_flags(parser)
    send_flags(parser.add_argument_group("archive, where TARGET is one"))
    reading_flags(parser)
    common_flags(parser)
    parser.set_defaults(run=run, default_of=parser.get_default)


#: Fields of Conversion by what they say; of each what its flag has beyond it.
_WHAT: Mapping[str, Mapping[str, Any]] = {
    "modality": {"metavar": "CT|MR|PT|..."},
    "kind": {
        "flag": "--as",
        "choices": (*KINDS, *FORMS),
        "help": "the class (default: of the modality); of a series the form of its instances, with the same pixels",
    },
    "require_overlap": {"metavar": "SHARE"},
    "values": {"metavar": "hu|as-is|scale=A,B"},
    "units": {},
    "nan_value": {"metavar": "VALUE"},
    "original": {},
    "code": {},
    "description": {"metavar": "TEXT"},
    "frame_index": {"metavar": "N"},
    "frame_time_ms": {"metavar": "MS"},
    "frame_times": {"nargs": "+", "metavar": "S"},
}
_WHOSE: Mapping[str, Mapping[str, Any]] = {"character_set": {"flag": "--charset", "metavar": "NAME"}}
_WHERE: Mapping[str, Mapping[str, Any]] = {
    "spacing_xyz": {"flag": "--spacing-mm", "nargs": "+", "metavar": "MM", "type": float},
    "origin_xyz": {"flag": "--origin-mm", "nargs": 3, "metavar": "MM", "type": float},
    "orientation": {"nargs": "+", "metavar": "WORD"},
    "plane": {},
}
#: Fields of Segmenting.
_SEGMENTS: Mapping[str, Mapping[str, Any]] = {
    "labels": {"metavar": "FILE"},
    "label": {"action": "append", "metavar": "NUMBER=LABEL,SCHEME,VALUE,MEANING"},
    "segmentation_type": {},
    "fractional_type": {},
    "algorithm_type": {},
}
#: What the kind is called among the parsed arguments.
KIND = "as"
FIELDS = {**_WHAT, **_WHOSE, **_WHERE, **_SEGMENTS}


def _what_flags(group: argparse._ArgumentGroup) -> None:
    add_fields(group, Conversion, _WHAT)
    algorithm_flags(group)
    places_flag(group)
    group.add_argument("--reference", metavar="SERIES", help="series whose patient, study and space it shares")
    burned_in_flag(group)


def _whose_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--patient-id", metavar="ID", help="Patient ID")
    group.add_argument("--patient-name", metavar="FAMILY^GIVEN", help="Patient's Name")
    group.add_argument("--patient-birth-date", default="", metavar="YYYYMMDD", help="if it is known")
    group.add_argument("--patient-sex", default="", choices=["M", "F", "O"], help="if it is known")
    group.add_argument("--study-uid", default="", metavar="UID", help="a study that exists (default: a new one)")
    group.add_argument("--frame-of-reference-uid", default="", metavar="UID", help="a space that exists")
    add_fields(group, Conversion, _WHOSE)


def _raw_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--shape", type=int, nargs="+", metavar="N", help="x y z, or x y z times; x is fastest")
    group.add_argument("--dtype", choices=list(TYPES), help="of a voxel")
    group.add_argument("--byte-order", choices=["little", "big"], help="of a voxel (default little)")
    group.add_argument("--offset", type=int, default=0, metavar="BYTES", help="of the first voxel")


def run(arguments: argparse.Namespace) -> int:
    """Convert, whichever way."""
    derive.set_jobs(arguments.jobs)
    if arguments.output is None and not arguments.explain:
        raise UsageError("OUT-NONE", "where to? give -o FOLDER for a series, or -o FILE.nii.gz for a volume")
    existing(arguments.source)
    if arguments.output is not None and format_named(Path(arguments.output)):
        return _export(arguments)
    if getattr(arguments, KIND) in FORMS:
        return _reform(arguments)
    if arguments.padding_value is not None:
        raise UsageError("EXP-FLAGS", "--padding-value is of use where a series becomes a volume, and this is none")
    _refuse_unused(["one_object"], arguments, "a volume or pictures become a series")
    check_manifest(arguments)
    with source_folder([arguments.reference] if arguments.reference else [], arguments) as reference:
        series = derive.convert(
            _files(arguments),
            reference=derive.read(
                reference, series=arguments.series, assume=dict(arguments.assume), **chosen_of(arguments)
            )
            if reference
            else None,
            patient=_patient(arguments),
            study=_study(arguments),
            raw=_raw(arguments),
            **_options(arguments),
        )
        if arguments.explain:
            _explain(series.explained(), arguments)
            return 0
        return deliver(series, arguments)


def _files(arguments: argparse.Namespace) -> Path | list[Path]:
    """Return the file; of a segmentation there may be one for each segment."""
    if getattr(arguments, KIND) == SEGMENTATION and len(arguments.source) > 1:
        return [_only_file([path]) for path in arguments.source]
    return _only_file(arguments.source)


def _only_file(paths: list[str]) -> Path:
    path = Path(paths[0])
    if len(paths) > 1 or path.is_dir():
        raise UsageError(
            "SRC-INPUT",
            "a folder or several files are a series: give -o FILE.nii.gz, .nrrd, .mha or .npy to convert it, or --as "
            "classic, enhanced or legacy-converted",
        )
    return path


def _patient(arguments: argparse.Namespace) -> derive.Patient | None:
    said = (arguments.patient_id, arguments.patient_name, arguments.patient_birth_date, arguments.patient_sex)
    return derive.Patient(said[0] or "", said[1] or "", said[2], said[3]) if any(said) else None


def _study(arguments: argparse.Namespace) -> derive.Study | None:
    uid, space = arguments.study_uid, arguments.frame_of_reference_uid
    return derive.Study(uid=uid, frame_of_reference_uid=space) if uid or space else None


def _raw(arguments: argparse.Namespace) -> RawLayout | None:
    if arguments.shape is None and arguments.dtype is None and arguments.byte_order is None and not arguments.offset:
        return None
    if arguments.shape is None or arguments.dtype is None:
        raise UsageError("RAW-LAYOUT", "raw bytes need --shape X Y Z and --dtype; and --byte-order if it is big")
    return RawLayout(tuple(arguments.shape), arguments.dtype, arguments.byte_order or "little", arguments.offset)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    options = series_options(arguments)
    wishes = {name: getattr(arguments, flag_of(name, words)[1]) for name, words in FIELDS.items()}
    wishes["algorithm"] = algorithm_of(arguments)
    wishes["orientation"] = _orientation(wishes["orientation"])
    wishes["frame_times"] = _frame_times(wishes["frame_times"])
    if wishes["spacing_xyz"] and len(wishes["spacing_xyz"]) == 1:
        (wishes["spacing_xyz"],) = wishes["spacing_xyz"]
    return options | {k: v for k, v in wishes.items() if v is not None}


def _orientation(words: list[str] | None) -> str | list[float] | None:
    if words is None or len(words) == 1:
        return words[0] if words else None
    try:
        return [float(w) for w in words]
    except ValueError:
        raise UsageError("GEO-ORIENTATION", f"orientation {' '.join(words)!r}; wanted a word or six numbers") from None


def _frame_times(words: list[str] | None) -> str | list[float] | None:
    if words is None or (len(words) == 1 and words[0].lower().endswith(".json")):
        return words[0] if words else None
    try:
        return [float(w) for w in words]
    except ValueError:
        raise UsageError("OPT-FRAMETIMES", "wanted numbers, in seconds, or one file .json") from None


def _explain(entries: tuple[Entry, ...], arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json({"schema": "derive-convert-explain/1", "attributes": [e.to_json() for e in entries]})
        return
    wide = max((len(e.keyword) for e in entries), default=0)
    lines = [f"{e.action:<10} {e.keyword:<{wide}}  {e.reason} (PS3.3 {e.section})\n" for e in entries]
    sys.stdout.write("".join(lines))


#: Flags that mean something for a series that is written as a volume.
_OF_EXPORT = frozenset(
    {"source", "output", "series", "overwrite", "jobs", "json", "quiet", "verbose", "run", "default_of"}
    | {"unpack_gib", "assume", "padding_value", "stack", "volume", "where", "frames"}
)
#: Flags that mean nothing for a series that gets another form: all of it is known.
_NOT_OF_FORMS = frozenset(
    {flag_of(name, words)[1] for name, words in FIELDS.items() if name != "kind"}
    | {"algorithm_name", "algorithm_version", "algorithm_manufacturer", "algorithm_digest", "algorithm_weights"}
    | {"patient_id", "patient_name", "patient_birth_date", "patient_sex", "study_uid", "frame_of_reference_uid"}
    | {"reference", "burned_in_annotation", "shape", "dtype", "byte_order", "offset", "padding_value"}
    | {"spatial_locations_preserved"}
)


def _refuse_unused(names: Iterable[str], arguments: argparse.Namespace, where: str) -> None:
    unused = [name for name in names if getattr(arguments, name) != arguments.default_of(name)]
    if unused:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(unused))
        raise UsageError("EXP-FLAGS", f"{flags}: of no use where {where}")


def _reform(arguments: argparse.Namespace) -> int:
    """Give a series another form."""
    into = getattr(arguments, KIND)
    if len(arguments.source) == 1 and is_volume_or_picture(Path(arguments.source[0])):
        raise UsageError(
            "EXP-SOURCE", f"{Path(arguments.source[0]).name} is no series, which {into} images are made of"
        )
    _refuse_unused(_NOT_OF_FORMS, arguments, f"a series becomes {into}")
    check_manifest(arguments)
    with source_folder(arguments.source, arguments) as found:
        options = series_options(arguments) | {"into": into, "one_object": arguments.one_object}
        said = {"series": arguments.series, "assume": dict(arguments.assume), **chosen_of(arguments)}
        series = derive.convert(found, **said, **options)
        if arguments.explain:
            _explain(series.explained(), arguments)
            return 0
        return deliver(series, arguments)


def _export(arguments: argparse.Namespace) -> int:
    target = Path(arguments.output)
    if len(arguments.source) == 1 and is_volume_or_picture(Path(arguments.source[0])):
        raise UsageError("EXP-SOURCE", f"{target.name} is a volume, and so is the source; give -o FOLDER for a series")
    _refuse_unused(vars(arguments).keys() - _OF_EXPORT, arguments, f"a series becomes {target.name}")
    series = derive.read(
        input_of(arguments.source), series=arguments.series, assume=dict(arguments.assume), **chosen_of(arguments)
    )
    exported = derive.export(series, target, overwrite=arguments.overwrite, padding_value=arguments.padding_value)
    if arguments.json:
        print_json(exported.to_json())
    elif not arguments.quiet:
        say(str(exported))
    return 0
