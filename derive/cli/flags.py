"""Flags of a sub-command, from an operation's signature and docstring."""

from __future__ import annotations

import argparse
import inspect
import json
import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import derive
from derive.errors import UsageError
from derive.model.algorithm import Algorithm
from derive.model.derivation import Typed
from derive.operations.declaration import (
    REGISTRY,
    XYZ,
    Axis,
    CodeText,
    CurvePoints,
    Function,
    Grid,
    Millimetres,
    Operation,
    OperationKind,
    Parameters,
    Pixels,
    Registration,
)
from derive.operations.kit.parameters import Numbers, Two, Voxel


def add_flags(parser: argparse._ActionsContainer, kind: OperationKind[...]) -> None:
    """Add a flag for every parameter of an operation."""
    helps = parameter_helps(kind.function)
    for name, parameter in kind.signature.parameters.items():
        if name in kind.others:
            continue  # further sources, which stand behind the first
        required = parameter.default is inspect.Parameter.empty
        default = None if required else parameter.default
        text = helps.get(name, "") + ("" if required or default is None else f" (default {default})")
        if parameter.annotation in (Parameters, Parameters | None):
            parser.add_argument("--param", dest=name, action="append", type=key_value, metavar="NAME=VALUE", help=text)
            continue
        if parameter.annotation in (Algorithm, Algorithm | None):
            algorithm_flags(parser)
            places_flag(parser)
            continue
        parser.add_argument(
            "--" + name.rstrip("_").replace("_", "-"),
            dest=name,
            required=required,
            default=default,
            help=text.replace("%", "%%"),
            **_how(parameter.annotation),
        )


def add_fields(parser: argparse._ActionsContainer, kind: type, spelled: Mapping[str, Mapping[str, Any]]) -> None:
    """Add a flag for fields of a dataclass, with the first sentence of what its docstring says of each.

    Parameters
    ----------
    parser : parser or group
    kind : dataclass
    spelled : mapping field -> mapping
        The fields, and what argparse has to know beyond the field: ``flag``, where it is not the name, ``nargs``,
        ``metavar``, and ``choices`` and ``help`` that differ from those of the field.
    """
    helps, annotations = parameter_helps(kind), get_type_hints(kind)
    defaults = {f.name: f.default for f in fields(kind)}
    for name, words in spelled.items():
        (flag, dest), default = flag_of(name, words), defaults[name]
        how: dict[str, Any] = {k: v for k, v in words.items() if k != "flag"} | {"default": default}
        if how.get("action") == "append":
            how["default"] = None
        text = re.split(r"\. (?=[A-Z][A-Za-z]* )", helps[name])[0]
        plain = [a for a in _members(annotations[name]) if a is not type(None)]
        if default is False:
            how["action"] = "store_true"
        elif get_origin(plain[0]) is Literal:
            how.setdefault("choices", get_args(plain[0]))
        elif plain[0] in (int, float):
            how["type"] = plain[0]
        parser.add_argument(flag, dest=dest, **({"help": _lowered(text)} | how))


def _lowered(text: str) -> str:
    """Begin a sentence with a small letter, unless it begins with an abbreviation or the name of an attribute."""
    return text if re.match(r"[A-Z]([A-Z]|\w* [A-Z])", text) else text[:1].lower() + text[1:]


def flag_of(name: str, words: Mapping[str, Any]) -> tuple[str, str]:
    """Return the flag of a field, and its name among the parsed arguments."""
    flag = words.get("flag", "--" + name.replace("_", "-"))
    return flag, flag[2:].replace("-", "_")


def bound(
    kind: OperationKind[...],
    arguments: argparse.Namespace,
    read_grid: Callable[[str], Any],
    others: Sequence[Any] = (),
) -> dict[str, Any]:
    """Take an operation's parameters from parsed arguments.

    Parameters
    ----------
    kind : OperationKind
    arguments : Namespace
    read_grid : callable (path) -> SourceSeries
        Reads the series behind a parameter that is a grid.
    others : sequence of SourceSeries
        Further sources, of an operation that takes some.
    """
    values: dict[str, Any] = {}
    for name, parameter in kind.signature.parameters.items():
        if parameter.annotation in (Algorithm, Algorithm | None):
            values[name] = algorithm_of(arguments)
            continue
        if name in kind.others:
            values[name] = others or None
            continue
        value = getattr(arguments, name)
        if isinstance(value, list) and _is(parameter.annotation, Millimetres, Pixels):  # a default is no list
            value = value[0] if len(value) == 1 else tuple(value)
        elif value is not None and any(_is(parameter.annotation, three) for three in (XYZ, Voxel)):
            value = tuple(value)
        elif value is not None and _is(parameter.annotation, Grid):
            value = read_grid(value)
        elif value is not None and _is(parameter.annotation, Registration):
            value = derive.read_transform(value)
        elif value is not None and _is(parameter.annotation, Parameters):
            value = dict(value)
        values[name] = value
    return values


def first_flags(parser: argparse._ActionsContainer, kind: OperationKind[...]) -> None:
    """Add what puts another operation in front of this one, with the parameters of that."""
    for other in _put_first(kind):
        flag, dest, helps = f"--{command_name(other)}", f"first_{other.name}", parameter_helps(other.function)
        parser.add_argument(flag, dest=dest, action="store_true", help=other.first)
        for name, parameter in other.signature.parameters.items():
            how, spelled = _how(parameter.annotation), name.replace("_", "-")
            parser.add_argument(f"--{spelled}", dest=f"{dest}_{name}", help=f"with {flag}: {helps[name]}", **how)


def first_steps(arguments: argparse.Namespace, kind: OperationKind[...]) -> list[Operation]:
    """Return what is done before an operation.

    Raises
    ------
    UsageError
        ``OP-PARAMETER`` for a parameter of what is not done.
    """
    steps = []
    for other in _put_first(kind):
        said = {name: getattr(arguments, f"first_{other.name}_{name}") for name in other.signature.parameters}
        given = {name: value for name, value in said.items() if value is not None}
        if getattr(arguments, f"first_{other.name}"):
            steps.append(other(**given))
        elif given:
            flag = next(iter(given)).replace("_", "-")
            raise UsageError("OP-PARAMETER", f"--{flag} goes with --{command_name(other)}")
    return steps


def _put_first(kind: OperationKind[...]) -> list[OperationKind[...]]:
    return [other for other in REGISTRY.values() if other.first and other is not kind]


def algorithm_flags(parser: argparse._ActionsContainer) -> None:
    """Add what says who computed."""
    parser.add_argument("--algorithm-name", metavar="NAME", help="who computed it: what the algorithm is called")
    parser.add_argument("--algorithm-version", metavar="VERSION", help="its version")
    parser.add_argument("--algorithm-manufacturer", metavar="MAKER", help="who made it")
    parser.add_argument("--algorithm-digest", metavar="sha256:HEX", help="digest of its weights or its code")
    parser.add_argument("--algorithm-weights", metavar="FILE", help="a file whose SHA-256 is the digest")


def places_flag(parser: argparse._ActionsContainer) -> None:
    """Add what is said of a computation that nobody here knows."""
    parser.add_argument(
        "--spatial-locations-preserved",
        choices=["YES", "NO"],
        help="whether it left everything at its place; nothing is claimed if nothing is said",
    )
    parser.add_argument(
        "--quantity",
        metavar="CODE",
        help="what the quantity is whose units are said: a code of CID 7180, or SCHEME:VALUE:Meaning; beside its code "
        "what that means",
    )
    parser.add_argument("--quantity-code", metavar="VALUE:SCHEME", help="the code of the quantity: 126312:DCM")
    parser.add_argument(
        "--quantity-item",
        action="append",
        type=name_value,
        default=[],
        metavar="NAME=VALUE",
        help="what defines the quantity, repeatable: a code of CID 9000 or SCHEME:VALUE:Meaning, each, or a number and "
        "its unit: SourceImageDiffusionBValue='1000 s/mm2'",
    )


def algorithm_of(arguments: argparse.Namespace) -> Algorithm | None:
    """Return who computed; None where nobody said.

    Raises
    ------
    UsageError
        ``ALG-TEXT`` for one of whom not all is said, and what :class:`~derive.model.algorithm.Algorithm` refuses.
    """
    said = {name: getattr(arguments, f"algorithm_{name}") for name in ("name", "version", "manufacturer")}
    digest, weights = arguments.algorithm_digest, arguments.algorithm_weights
    if not any((*said.values(), digest, weights)):
        return None
    missing = [f"--algorithm-{name}" for name, text in said.items() if not text]
    if missing:
        raise UsageError(
            "ALG-TEXT", f"an algorithm has a name, a version and a manufacturer; give {', '.join(missing)}"
        )
    return Algorithm(**said, digest=digest or "", weights=weights)


def example(kind: OperationKind[...]) -> str:
    """Write a command line of an operation's example."""
    words: list[str] = []
    for name, value in kind.example.items():
        values = value if isinstance(value, tuple) else (value,)
        words += [
            f"--{name.rstrip('_').replace('_', '-')}",
            *(json.dumps(v) if " " in str(v) else str(v) for v in values),
        ]
    sources = ["post/", "pre/"] if kind.others else ["ct/"]
    return " ".join(["derive", command_name(kind), *sources, "-o", "out/", *words])


def command_name(kind: OperationKind[...]) -> str:
    """Name of an operation's sub-command."""
    return kind.name.replace("_", "-")


def parameter_helps(function: Callable[..., Any]) -> Mapping[str, str]:
    """Give the text of each entry of the section *Parameters* of a numpydoc docstring."""
    doc = inspect.getdoc(function) or ""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-+\n|\Z)", doc, re.S | re.M)
    entries = re.findall(r"^(\w+) ?:?[^\n]*\n((?:[ ]+[^\n]*\n?|\n)*)", section.group(1) if section else "", re.M)
    return {name: " ".join(text.split()).rstrip(".") for name, text in entries}


def summary(function: Callable[..., Any]) -> str:
    """Give the first line of a docstring."""
    return (inspect.getdoc(function) or "").partition("\n")[0]


def key_value(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE; the value as `typed` has it."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, typed(value)


def name_value(text: str) -> tuple[str, str]:
    """Read NAME=VALUE, both text."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def typed(text: str) -> Any:
    """Read a value as JSON, or as Python's True, False and None, where it is that; else it is text.

    Where the value would be written otherwise than it was typed, the text goes along for the record: ``2.10``,
    ``1e3``, ``+5``. ``007`` is no number in JSON and stays text, and so do NaN and Infinity, which JSON has not.
    """
    if text in _WORDS:
        return _WORDS[text]
    unsigned = text[1:] if re.match(r"\+[\d.]", text) else text
    if re.match(r"-?\.\d", unsigned):
        unsigned = unsigned.replace(".", "0.", 1)
    try:
        value = json.loads(unsigned, parse_constant=_no_number)
        written = {json.dumps(value, separators=s, ensure_ascii=False) for s in ((", ", ": "), (",", ":"))}
    except (ValueError, RecursionError):
        return text
    if isinstance(value, str) or text in written:
        return value
    return Typed(value, text)


_WORDS = {"True": True, "False": False, "None": None}


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _is(annotation: Any, *kinds: Any) -> bool:
    return any(annotation in (kind, kind | None) for kind in kinds)


def _how(annotation: Any) -> dict[str, Any]:
    """Argparse's words for an annotation of :mod:`derive.operations.declaration`."""
    if _is(annotation, Millimetres, Pixels):
        return {"type": float, "nargs": "+", "action": OneOrThree, "metavar": "PX" if _is(annotation, Pixels) else "MM"}
    if _is(annotation, Axis):
        words = [choice for member in get_args(Axis) for choice in get_args(member) if isinstance(choice, str)]
        return {"nargs": "+", "action": WordOrThree, "metavar": "|".join([*words, "X Y Z"])}
    if any(_is(annotation, three) for three in (XYZ, Voxel)):
        return {"type": float, "nargs": 3, "metavar": ("X", "Y", "Z")}
    if _is(annotation, Two):
        return {"type": float, "nargs": 2, "metavar": ("N", "N")}
    if _is(annotation, Grid):
        return {"metavar": "SERIES"}
    if _is(annotation, Registration):
        return {"metavar": "FILE"}
    if _is(annotation, Numbers):
        return {"type": numbers, "metavar": "N,N"}
    if _is(annotation, CurvePoints):
        return {"metavar": "POINTS.csv"}
    if _is(annotation, Function):
        return {"metavar": "PACKAGE.MODULE:NAME"}
    if annotation in (CodeText, CodeText | None):
        return {"metavar": "CODE"}
    kinds = [a for a in _members(annotation) if a is not type(None)]
    choices = [c for a in kinds if get_origin(a) is Literal for c in get_args(a)]
    plain = [a for a in kinds if get_origin(a) is not Literal]
    if not plain:
        return {"choices": choices}
    if plain == [bool]:
        return {"action": argparse.BooleanOptionalAction}
    return {"type": _either(plain[0], choices), "metavar": "|".join([plain[0].__name__.upper(), *choices])}


def numbers(text: str) -> tuple[float, ...]:
    """Read several numbers with commas between them."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers; wanted 0,1000") from None


def _members(annotation: Any) -> Sequence[Any]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else [annotation]


def _either(kind: Callable[[str], Any], words: Sequence[str]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        return text if text in words else kind(text)

    parse.__name__ = getattr(kind, "__name__", "value")
    return parse


class OneOrThree(argparse.Action):
    """One length for all axes, or x y z."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Refuse two or four."""
        if len(values) not in (1, 3):
            parser.error(f"argument {option_string}: expected one length or x y z, got {len(values)}")
        setattr(namespace, self.dest, values)


class WordOrThree(argparse.Action):
    """A word, or x y z."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Refuse anything else."""
        words = str(self.metavar).split("|")[:-1]
        if len(values) == 1 and values[0] in words:
            setattr(namespace, self.dest, values[0])
            return
        try:
            x, y, z = map(float, values)
        except ValueError:
            parser.error(f"argument {option_string}: expected one of {', '.join(words)}, or x y z")
        setattr(namespace, self.dest, (x, y, z))
