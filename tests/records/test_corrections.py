"""What explain and diff say of corrections: who, when, why, from what to what; values only for whoever asks."""

from __future__ import annotations

import derive
from tests.helpers.asserting import every
from tests.helpers.sources import make_series


def test_corrections_are_told_one_by_one(tmp_path):
    (tmp_path / "in").mkdir()
    for number, dataset in enumerate(make_series(count=2)):
        dataset.save_as(tmp_path / "in" / f"{number}.dcm", enforce_file_format=True)
    first = {"set": {"PatientName": "Roe^Ann", "StationName": "CT7"}, "source": "City Hospital", "reason": "COERCE"}
    derive.correct(tmp_path / "in", **first).write(tmp_path / "one")
    derive.correct(tmp_path / "one", set={"PatientName": "Roe^Anne"}).write(tmp_path / "two")
    name = str(make_series(count=1)[0].PatientName)
    open_ = derive.explain(tmp_path / "two", show_values=True)
    coerced, correct = [note for note in open_.notes if " by " in note]
    assert coerced.startswith("COERCE 20")
    assert "values of City Hospital" in coerced
    assert f"PatientName {name} -> Roe^Ann" in coerced
    assert "PatientName Roe^Ann -> Roe^Anne" in correct
    assert coerced.endswith("(in 2 images)")
    masked = str(derive.explain(tmp_path / "two")) + str(derive.diff(tmp_path / "in", tmp_path / "two"))
    assert "PatientName (masked) -> (masked)" in masked
    assert every(text not in masked for text in ("Roe", name, "City Hospital"))


def test_a_difference_says_what_was_corrected_on_each_side(tmp_path):
    (source,) = make_series(count=1)
    source.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    derive.correct(tmp_path / "a.dcm", set={"StationName": "CT7"}, source="X").write(tmp_path / "out")
    found = derive.diff(tmp_path / "a.dcm", tmp_path / "out", show_values=True)
    assert found.left.corrections == ()
    (line,) = found.right.corrections
    assert "corrected, right: " + line in str(found)
    assert found.to_json()["right"]["corrections"] == [line]
