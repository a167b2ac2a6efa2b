"""What an instance says of the frames of its cine, and while which of them are there it stays so: ``cines.tsv``.

``says`` is what an attribute speaks of: ``times``, when frames were taken; ``several``, how several frames are shown
one after another, or were taken; ``frames``, something that holds of each of them; ``whole``, the cine from its first
frame to its last; ``each``, a value a frame; ``numbers``, numbers of frames, from 1 on.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias, cast

Says: TypeAlias = Literal["times", "several", "frames", "whole", "each", "numbers"]


@cache
def said_of_cines() -> Mapping[tuple[str, str], Says]:
    """Return what each attribute speaks of, by module and keyword."""
    table = files(__package__).joinpath("cines.tsv").read_text(encoding="utf-8")
    return {
        (r["module"], r["keyword"]): cast(Says, r["says"]) for r in csv.DictReader(table.splitlines(), delimiter="\t")
    }
