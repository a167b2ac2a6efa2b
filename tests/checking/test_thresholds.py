"""The last value that a check accepts, and the first that it finds."""

from __future__ import annotations

import pytest

from derive.checking import check
from tests.helpers.asserting import each
from tests.helpers.instances import series, write

#: Code of the check, attribute, what is accepted, what is found.
LIMITS = [
    ("CHK-THICKNESS", "SliceThickness", [0.001, 0.5, 1.0, 100.0], [0.0, -0.5]),
    ("CHK-WINDOW", "WindowWidth", [1.0, 2.0], [0.0, 0.999]),
    ("CHK-RESCALE", "RescaleSlope", [0.001, 0.5, -0.5, 2.0], [0.0]),
    ("CHK-SPACING", "PixelSpacing", [[0.001, 0.001], [0.5, 0.5]], [[0.0, 0.5], [0.5, 0.0], [-0.5, 0.5]]),
]
CASES = [(code, keyword, value, False) for code, keyword, good, _ in LIMITS for value in good]
CASES += [(code, keyword, value, True) for code, keyword, _, bad in LIMITS for value in bad]


@pytest.mark.parametrize(("code", "keyword", "value", "found"), CASES)
def test_a_value_on_either_side_of_a_limit(code, keyword, value, found, tmp_path):
    datasets = series("CT")
    for dataset in each(datasets, 4):
        setattr(dataset, keyword, value)
    findings = check(write(tmp_path / "s", datasets)).findings
    assert (code in {f.code for f in findings}) == found
