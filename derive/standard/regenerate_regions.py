"""The terms of Body Part Examined and their codes, as a table (PS3.16 Annex L).

The source is highdicom, which has the annex of 2026b; older codes are those that the dictionary of pydicom has for the
same concept, and those of ``kept_body_parts.tsv``, which were of another one. ``regenerate`` writes the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NONE = "-"


def body_parts(
    regions: Mapping[str, Any], snomed_rt: Mapping[str, str], replaced: Mapping[str, str]
) -> list[tuple[str, ...]]:
    """Return Body Part Examined, scheme, code, meaning, whether it is paired, older codes, whether it comes first.

    Of several terms for one code that comes first which does not say where the instrument was (``ENDO...``).

    Parameters
    ----------
    regions : mapping of str to list
        Scheme, code, meaning, and whether there is one on each side.
    snomed_rt : mapping of str to str
        Code of SNOMED CT by that of SNOMED RT.
    replaced : mapping of str to str
        Codes that a term had in an earlier edition.
    """
    older: dict[str, list[str]] = {}
    for old, new in sorted(snomed_rt.items()):
        older.setdefault(new, []).append(old)
    first: dict[str, str] = {}
    for term in sorted(regions, key=lambda term: (term.startswith("ENDO"), term)):
        first.setdefault(regions[term][1], term)
    found: list[tuple[str, ...]] = []
    for term, (scheme, code, meaning, paired) in sorted(regions.items()):
        codes = " ".join([*older.get(code, ()), *replaced.get(term, "").split()]) or NONE
        found.append((term, scheme, code, meaning, "NY"[paired], codes, "NY"[first[code] == term]))
    return found
