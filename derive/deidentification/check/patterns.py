"""The judge of free text that was cleaned: nothing in it has the form of what names somebody (PS3.15 E.3.5).

Fewer forms than the cleaner knows, and only plain ones: what is found here was overlooked, and is no matter of taste.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from derive.deidentification.check.demands import Want
from derive.deidentification.check.links import Links
from derive.deidentification.check.pair import Pair
from derive.deidentification.check.violation import Violation
from derive.standard.vr import CHARSET_VRS

#: Addresses of mail, and numbers of telephones. Names have no form: Siemens parts region and protocol by a ^ too.
_NAMING = re.compile(
    rb"[\w.+-]+@[\w-]+\.[A-Za-z]{2}|(?<![\w.])\+\d[\d ()/-]{7,}\d|(?<![\w.-])\d{3}[-.]\d{3}[-.]\d{4}(?![\w-])"
)
_DATES = re.compile(
    rb"(?<![\d.])(?:19|20)\d\d[-/](?:0[1-9]|1[0-2])[-/](?:[0-2]\d|3[01])(?!\d)"
    rb"|(?<![\d.])(?:[0-2]\d|3[01])[./](?:0[1-9]|1[0-2])[./](?:19|20)\d\d(?!\d)"
)
_OPTION, _DATED = "descriptors", ("full-dates", "modified-dates")


def pattern_violations(pair: Pair, links: Links) -> Iterator[Violation]:
    """Judge descriptors that were cleaned."""
    profile = pair.demands.profile
    if not profile.has(_OPTION):
        return
    dates_go = not any(map(profile.has, _DATED))
    for leaf in pair.output.leaves:
        if leaf.vr not in CHARSET_VRS or leaf.spot.is_private:
            continue
        demand = pair.demand(leaf)
        if demand.want is Want.CLEAN and demand.why == f"option {_OPTION}":
            value = pair.output.value(leaf)
            if _NAMING.search(value) or (dates_go and _DATES.search(value)):
                yield pair.told("DCK-PATTERN", leaf.spot, demand.why)
