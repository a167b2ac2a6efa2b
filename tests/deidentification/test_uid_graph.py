"""UIDs of real objects: each becomes one other, everywhere the same, and what is well-known stays."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pydicom
import pytest
from pydicom.dataset import Dataset

from derive.deidentification.engine.engine import Deidentifier
from derive.deidentification.profile.profile import profile_of
from derive.deidentification.run.run import run_of
from derive.deidentification.run.uids import is_well_known, names_a_kind
from derive.rewriting.file import stored_dataset
from tests.helpers.asserting import each
from tests.helpers.methods import KEY

FOLDERS = [
    *("enhanced_mr", "enhanced_ct_2f", "legacy_converted_ct", "siemens_xa60_enh_7t", "us_regions_philips_sr"),
    *("petctmr_ibsi_sts002/PET/image", "ct_philips_exam_summary_SC"),
]


def uids(dataset: Dataset, above: tuple[object, ...] = ()) -> Iterator[tuple[tuple[object, ...], str]]:
    """Every value of every UID of standard attributes, with where it stands."""
    for element in dataset:
        if element.tag.is_private:
            continue
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from uids(item, (*above, element.tag, number))
        elif element.VR == "UI" and element.value:
            values = element.value if isinstance(element.value, list | pydicom.multival.MultiValue) else [element.value]
            for number, value in enumerate(values):
                yield (*above, element.tag, number), str(value)


@pytest.mark.filterwarnings("ignore:The value length")
@pytest.mark.parametrize("folder", FOLDERS)
def test_uids_of_real_objects_are_renamed_one_for_one(real, folder):
    profile = profile_of("basic+clean-structured-content")
    engine = Deidentifier(profile, run_of(profile, KEY))
    became: dict[str, str] = {}
    for path in sorted(p for p in real(folder).rglob("*") if p.is_file())[:6]:
        before = pydicom.dcmread(path)
        parts = engine.file(stored_dataset(before)).parts
        after = dict(uids(pydicom.dcmread(io.BytesIO(b"".join(map(bytes, parts))))))
        for place, old in uids(before):
            if place in after:
                kept = is_well_known(old) or names_a_kind(int(place[-2]))
                assert (after[place] == old) is kept, (place, kept)
                assert became.setdefault(old, after[place]) == after[place], place
    renamed = {old: new for old, new in each(became.items(), at_least=4) if old != new}
    assert len(set(renamed.values())) == len(renamed)
    assert not set(renamed) & set(renamed.values())
