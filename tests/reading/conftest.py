"""What tests of reading start from."""

from __future__ import annotations

import pytest

from tests.helpers.refusals import CT
from tests.helpers.source_files import copied, in_order


@pytest.fixture
def changed(real, tmp_path):
    """Return a function that copies the first slices of a CT and changes some of them."""

    def make(change, count=4, folder=CT):
        def private(dataset, index):
            dataset.PatientName, dataset.PatientID = "Private^Person", "PATIENT-4711"
            change(dataset, index)

        return copied(in_order(real(folder))[:count], tmp_path / "changed", private)

    return make
