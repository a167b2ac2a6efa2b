"""What the engine took away is put back, one attribute at a time: the check notices each."""

from __future__ import annotations

import copy
import io

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from derive.deidentification.check.checker import DeidChecker
from derive.deidentification.engine.engine import Deidentifier
from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.run import run_of
from derive.rewriting.file import stored_dataset
from tests.helpers.asserting import each
from tests.helpers.by_hand import image, presentation, stored
from tests.helpers.methods import KEY
from tests.helpers.referring import notes, report, segments, structures

OPTIONS = [(), ("modified-dates", "safe-private"), ("structured-content", "graphics", "device-identity")]
OBJECTS = [image, presentation, report, notes, structures, segments]
#: Whose code it is tells nothing without the code.
HARMLESS = {"CodingSchemeDesignator", "ConversionType"}


def changed(before: Dataset, after: Dataset, at: tuple = ()):
    """Give where the written object differs, and what stood there."""
    for element in before:
        now = after.get(element.tag)
        if now is not None and element.VR == "SQ" and len(now.value) == len(element.value):
            for number, (one, other) in enumerate(zip(element.value, now.value, strict=True)):
                yield from changed(one, other, (*at, (element.tag, number)))
        elif element.value and (now is None or now.value != element.value) and element.keyword not in HARMLESS:
            yield at, element


def put_back(written: bytes, original: Dataset, at: tuple, element) -> bytes:
    """The written object with one element, and its Private Creator, as they were."""
    ds = dcmread(io.BytesIO(written))
    here, there = ds, original
    for tag, number in at:
        here, there = here[tag].value[number], there[tag].value[number]
    here[element.tag] = copy.deepcopy(element)
    block = (element.tag.group, element.tag.element >> 8)
    if element.tag.is_private and block in there:
        here[block] = there[block]
    return stored(ds)


@pytest.mark.parametrize("make", OBJECTS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("options", OPTIONS, ids=["basic", "dates", "cleaned"])
def test_what_is_put_back_is_noticed(make, options):
    profile = Profile(options=options)
    original = dcmread(io.BytesIO(stored(make())))
    done = Deidentifier(profile, run_of(profile, KEY)).file(stored_dataset(original))
    written = b"".join(map(bytes, done.parts))
    assert not [v for v in DeidChecker(profile).pair(stored(original), written) if v.severity == "error"]
    missed = []
    for at, element in each(changed(original, dcmread(io.BytesIO(written))), 8):
        found = DeidChecker(profile).pair(stored(original), put_back(written, original, at, element))
        if not [v for v in found if v.severity == "error"]:
            missed.append((*at, element.keyword or element.tag))
    assert missed == []
