"""The patient's own name and number in every attribute of the dictionary that can hold a text."""

from __future__ import annotations

import io
import warnings

import pytest
from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.datadict import dictionary_VR, keyword_dict
from pydicom.dataset import Dataset

from derive.deidentification.engine.engine import Deidentifier
from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.run import run_of
from derive.rewriting.file import stored_file
from tests.helpers.asserting import each
from tests.helpers.instances import item
from tests.helpers.methods import KEY
from tests.helpers.texts import patient, written

NAME, NUMBER = "QUILLFEATHER", "ZQX778812"
VALUES: dict[str, str | bytes] = {
    **dict.fromkeys(("LO", "LT", "UT", "ST", "UC"), f"about {{}} {NAME} of {NUMBER}"),
    **dict.fromkeys(("AE", "SH"), NAME),
    "PN": f"{NAME}^X",
    "UR": f"http://example.org/{NAME}",
    "OB": NAME.encode(),
}
#: What it is by itself: bytes of a picture or a document, which others look after, and who has to be named here.
OTHERS = {"PatientName", "PatientID", "EncapsulatedDocument", "ICCProfile", "PixelData"}


def planted() -> Dataset:
    dataset = Dataset()
    for keyword, tag in each(keyword_dict.items(), 4000):
        vr = "" if keyword in OTHERS or tag >> 16 in (0, 2, 4) else dictionary_VR(tag)
        if vr in VALUES:
            value = VALUES[vr]
            dataset.add_new(tag, vr, value.format(keyword[:20]) if isinstance(value, str) else value)
    dataset.ContentLabel = NAME
    return dataset


def gone_through(dataset: Dataset, *names: str) -> Dataset:
    profile = Profile().with_options(names)
    with warnings.catch_warnings(action="ignore"), disable_value_validation():
        stored = stored_file("file", lambda: io.BytesIO(written(dataset)))
        done = Deidentifier(profile, run_of(profile, KEY)).file(stored)
        return dcmread(io.BytesIO(b"".join(part for part in done.parts if isinstance(part, bytes))))


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("names", [(), ("descriptors",), ("descriptors", "graphics", "structured-content")])
def test_none_of_them_keeps_it(names, nested):
    with disable_value_validation():
        dataset, texts = patient(), planted()
        if nested:
            dataset.ReferencedImageSequence = [item(ReferencedImageSequence=[texts])]
        else:
            dataset.update(texts)
        dataset.PatientName, dataset.PatientID = f"{NAME}^Aurelia", NUMBER
    after = gone_through(dataset, *names)
    elements = [e for e in each(after.iterall(), 250) if e.VR != "SQ"]
    assert [e.keyword for e in elements if NAME in str(e.value) or NUMBER in str(e.value)] == []
