"""``derive codes``: the codes and terms that a derivation, a source and units can be said with."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import codes
from derive.cli.pages import filled
from derive.cli.shared import common_flags, print_json
from derive.told.wording import did_you_mean

SCHEMA = "derive-codes/1"
NOTHING = 1
DESCRIPTION = (
    "List the codes of a derivation (for --code), of what a source was used for, and of units (for --units), or those "
    "whose value, keyword or meaning holds a text. A code is given by its keyword, its value or its meaning; what the "
    "standard has no code for is given as 99SCHEME:VALUE:Meaning. Behind what was done stand the commands that do it, "
    "or apply, with a function of your own. Exit code 1: nothing holds the text."
)
#: What a function of one's own is told, by what it makes.
MAKES = {"values": "", "pictures": " --as secondary-capture"}
#: The context group of what operations do.
DERIVATIONS = "7203"
#: Context groups, with what they are for.
_GROUPS = {
    DERIVATIONS: "what was done, for --code",
    "7202": "what a source was used for",
    "83": "units of MR, for --units",
}


class Term(NamedTuple):
    """A code or a term.

    Parameters
    ----------
    group : str
        The context group or the attribute that lists it.
    use : str
        What it is for.
    keyword, value, scheme, meaning : str
        A term has a value only.
    by : tuple of str
        The commands that make images of it.
    """

    group: str
    use: str
    keyword: str
    value: str
    scheme: str
    meaning: str
    by: tuple[str, ...] = ()

    def holds(self, text: str) -> bool:
        """Whether the text is part of it; spaces, hyphens and case do not matter."""
        return any(_folded(text) in _folded(word) for word in (self.keyword, self.value, self.meaning))


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.description = DESCRIPTION
    parser.add_argument("text", nargs="?", default="", metavar="TEXT", help="part of a value, a keyword or a meaning")
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List the codes that hold the text; exit code 1 if there are none."""
    everything = list(_all())
    found = [code for code in everything if code.holds(arguments.text)]
    if arguments.json:
        print_json({"schema": SCHEMA, "edition": codes.EDITION, "codes": [code._asdict() for code in found]})
    else:
        sys.stdout.write("".join(_lines(found)))
    if not found:
        hint = did_you_mean(arguments.text, [word for c in everything for word in (c.keyword, c.value) if word])
        sys.stderr.write(f"derive: CODE-UNKNOWN: no code holds {arguments.text!r}{hint}\n")
    return 0 if found else NOTHING


def _all() -> Iterator[Term]:
    for number, use in _GROUPS.items():
        group = codes.context_group(number)
        for code in group:
            by = _commands_of(code.keyword) if number == DERIVATIONS else ()
            yield Term(f"CID {number} {group.name}", use, code.keyword, code.value, code.scheme, code.meaning, by)
    yield from dict.fromkeys(_terms())


def _commands_of(keyword: str) -> tuple[str, ...]:
    """Return the commands that make images of a code of CID 7203."""
    from derive.operations import REGISTRY
    from derive.operations.declaration import Function
    from derive.operations.kit.codes_by import of_apply, of_operations

    names = of_operations().get(keyword, ())
    told = MAKES[of_apply()[keyword]] if keyword in of_apply() else ""
    own = () if names else (kind.name for kind in REGISTRY.values() if kind.taking(Function))
    return tuple(f"{name.replace('_', '-')}{told}" for name in (*names, *own))


def _terms() -> Iterator[Term]:
    """Give the terms of the attributes in which a class says its units."""
    from derive import standard
    from derive.model.classes import made_class_uids, target_of

    for target in map(target_of, made_class_uids()):
        keyword = target.units_keyword
        for rule in standard.values(target.iod.name, keyword) if keyword else ():
            for value in rule.values:
                yield Term(
                    f"{keyword} (PS3.3 {rule.section})", f"units of {target.modality}, for --units", "", value, "", ""
                )


def _lines(found: list[Term]) -> Iterator[str]:
    for (group, use), members in groupby(found, key=lambda c: (c.group, c.use)):
        yield f"{group}: {use}\n"
        rows = list(members)
        if not any(row.meaning for row in rows):
            yield f"  {filled(', '.join(row.value for row in rows), '  ')}\n"
            continue
        wide = [max(len(row[k]) for row in rows) for k in (2, 3)]
        for row in rows:
            by = f" ({', '.join(row.by)})" if row.by else ""
            yield f"  {row.keyword:<{wide[0]}}  {row.value:<{wide[1]}}  {row.scheme:<5}  {row.meaning}{by}\n"


def _folded(text: str) -> str:
    return "".join(c for c in text.casefold() if c not in " _-")
