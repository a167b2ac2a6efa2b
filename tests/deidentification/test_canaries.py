"""Identifiers in sixty places: none of them is in the bytes that are written, nor in the names of the files."""

from __future__ import annotations

import pytest

import derive
from derive.deidentification.check.checker import DeidChecker
from derive.deidentification.profile.profile import Profile
from tests.helpers.asserting import each
from tests.helpers.by_hand import cleaned, image, presentation, stored
from tests.helpers.canaries import PLACES, WORDS, left_in, planted

#: Options under which more stays, each of which may leave more.
OPTIONS = {
    "basic": [],
    "private and dates": ["safe-private", "modified-dates"],
    "cleaned": ["descriptors", "graphics", "structured-content"],
}

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value", "ignore:The value length")


def written(tmp_path, datasets, options, **more):
    """What is written of some objects: the names and the bytes of all files."""
    study, out = tmp_path / "Quillfeather", tmp_path / "out"
    study.mkdir()
    for number, ds in enumerate(datasets):
        (study / f"MRN778812X_{number}.dcm").write_bytes(stored(ds) + b"Quillfeather" * (number == 0))
    derive.deidentify(study, out, retain=[o for o in options if o in ("safe-private", "modified-dates")], clean=[
        o for o in options if o not in ("safe-private", "modified-dates")
    ], **more)  # fmt: skip
    return {str(p.relative_to(tmp_path)): p.read_bytes() for p in each(tmp_path.glob("out*/**/*")) if p.is_file()}


def test_there_are_sixty_places():
    assert len(PLACES) >= 60
    found = left_in(b"\n".join(stored(ds) for ds in (planted(), presentation())))
    assert found >= {word for word in WORDS if word not in ("花子", "1961-02-14")}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_none_comes_out_of_all_places_at_once(tmp_path, options):
    files = written(tmp_path, [planted(), presentation()], options, verify=False)
    assert len([name for name in files if name.endswith(".dcm")]) == 2
    assert {name: left_in(name.encode() + data) for name, data in files.items() if left_in(name.encode() + data)} == {}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_what_is_written_is_published(tmp_path, options):
    files = written(tmp_path, [planted(), presentation()], options)
    assert [name for name in files if "quarantine" in name] == []


@pytest.mark.parametrize("place", PLACES)
def test_the_check_finds_each_place_that_nobody_cleaned(place):
    left = planted(place, into=cleaned(image()))
    found = DeidChecker(Profile()).pair(stored(planted(place)), stored(left), "IM1")
    assert [v.code for v in found if v.severity == "error"] != []
