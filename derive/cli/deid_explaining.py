"""``derive deid-explain``: what a de-identification would do with an attribute, and why; no file is read."""

from __future__ import annotations

import argparse

from derive.cli.pages import say
from derive.cli.profiles import profile_flags, profile_meant
from derive.cli.shared import common_flags, print_json
from derive.errors import UsageError
from derive.told.wording import flag

DESCRIPTION = (
    "Say what becomes of an attribute in objects of a class, by which rule or column of PS3.15 Table E.1-1, and why: "
    "the answer by which derive deidentify works. --all prints every rule with its reason. Without --sop-class "
    "nothing is removed that may be required."
)


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "tag",
        nargs="*",
        metavar="TAG",
        help="a keyword, 0010,0010, or a private attribute by its creator; behind the sequences that hold it, joined "
        "by dots: RequestAttributesSequence.AccessionNumber",
    )
    parser.add_argument(
        "--sop-class", default="", metavar="CLASS", help="of the objects: a modality (CT), an IOD (ct-image) or a UID"
    )
    parser.add_argument("--all", action="store_true", help="every rule with its reason")
    profile_flags(parser)
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Explain; exit code 0 whatever is said."""
    from derive.deidentification.explain.explain import sop_class_of
    from derive.deidentification.explain.explain_all import explanation, whole_explanation

    if bool(arguments.tag) == arguments.all:
        raise UsageError("DEID-ADDRESS", f"an attribute is wanted, or {flag('all')}, and not both")
    sop_class_uid, profile = sop_class_of(arguments.sop_class), profile_meant(arguments)
    found = (
        whole_explanation(sop_class_uid, profile)
        if arguments.all
        else explanation(arguments.tag, sop_class_uid, profile)
    )
    if arguments.json:
        print_json(found.to_json())
    elif not arguments.quiet:
        say(str(found))
    return 0
