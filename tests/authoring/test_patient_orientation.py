"""PET: how the patient lay is said once, in codes (PS3.3 C.7.3.1, C.8.4.6)."""

from __future__ import annotations

from copy import deepcopy

import pydicom
import pytest
from pydicom.dataset import Dataset

import derive
from derive.operations import gaussian_blur, mip
from tests.helpers.asserting import each
from tests.helpers.sources import make_series

FIRST = {"HF": "headfirst", "FF": "feet-first", "LF": "left first", "RF": "right first"}
FIRST |= {"AF": "anterior first", "PF": "posterior first"}
SIDE = {"P": "prone", "S": "supine", "DR": "right lateral decubitus", "DL": "left lateral decubitus"}
POSITIONS = [*(f + s for f in ("HF", "FF") for s in SIDE), "LFP", "LFS", "RFP", "RFS", "AFDR", "AFDL", "PFDR", "PFDL"]
MODIFIER = "PatientOrientationModifierCodeSequence"
SEQUENCES = "PatientOrientationCodeSequence", "PatientGantryRelationshipCodeSequence"


def derived(tmp_path, step=None, modality="PT", **changes):
    source = derive.read(make_series(modality, **changes))
    report = derive.build(source, step or gaussian_blur(sigma_mm=0.5)).write(tmp_path / "o")
    assert not report.findings
    return pydicom.dcmread(report.files[0])


def coded(value, scheme, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


@pytest.mark.parametrize("absent", [True, False], ids=["absent", "empty"])
@pytest.mark.parametrize("position", POSITIONS)
def test_a_position_is_said_in_codes_and_nowhere_else(position, absent, tmp_path):
    changes = dict.fromkeys(SEQUENCES) if absent else {}
    made = derived(tmp_path, PatientPosition=position, **changes)
    assert "PatientPosition" not in made
    (lying,), (gantry,) = (made[keyword].value for keyword in SEQUENCES)
    (modifier,) = lying.PatientOrientationModifierCodeSequence
    assert lying.CodeMeaning == "recumbent"
    assert (gantry.CodeMeaning, modifier.CodeMeaning) == (FIRST[position[:2]], SIDE[position[2:]])


def test_what_the_source_says_in_codes_stays(tmp_path):
    lying = coded("102538003", "SCT", "recumbent")
    lying.PatientOrientationModifierCodeSequence = [coded("1240000", "SCT", "prone")]
    made = derived(
        tmp_path,
        mip(),
        PatientPosition="HFS",
        PatientOrientationCodeSequence=[lying],
        PatientGantryRelationshipCodeSequence=[coded("102541007", "SCT", "feet-first")],
    )
    assert "PatientPosition" not in made
    assert made.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence[0].CodeMeaning == "prone"
    assert made.PatientGantryRelationshipCodeSequence[0].CodeMeaning == "feet-first"


@pytest.mark.parametrize("position", [None, "", "SITTING", "HF"])
def test_what_says_no_position_leaves_both_sequences_empty(position, tmp_path):
    made = derived(tmp_path, PatientPosition=position)
    assert "PatientPosition" not in made
    assert [len(made[keyword].value) for keyword in each(SEQUENCES)] == [0, 0]


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_the_others_keep_their_position(modality, tmp_path):
    made = derived(tmp_path, modality=modality, PatientPosition="FFP")
    assert made.PatientPosition == "FFP"
    assert not any(keyword in made for keyword in SEQUENCES)


LYING, PRONE = coded("F-10450", "SNM3", "recumbent"), coded("F-10310", "SNM3", "prone")
FEET = coded("F-10480", "SNM3", "feet-first")


def holding(item, keyword, inner):
    found = deepcopy(item)
    setattr(found, keyword, [deepcopy(inner)])
    return found


@pytest.mark.parametrize("where", ["beside", "in the gantry", "in its place", "in two places"])
def test_a_modifier_is_put_into_the_item_that_it_modifies(where, tmp_path):
    lying, gantry, beside = LYING, FEET, None
    if where in ("beside", "in two places"):
        beside = [PRONE]
    if where == "in the gantry":
        gantry = holding(FEET, MODIFIER, PRONE)
    if where in ("in its place", "in two places"):
        lying = holding(LYING, MODIFIER, PRONE)
    changes = dict(zip((*SEQUENCES, MODIFIER), ([lying], [gantry], beside), strict=True))
    made = derived(tmp_path, PatientPosition="HFS", **changes)
    assert MODIFIER not in made
    ((one,), (entrance,)) = (made[keyword].value for keyword in SEQUENCES)
    assert one.PatientOrientationModifierCodeSequence[0].CodeMeaning == "prone"
    assert MODIFIER not in entrance
    assert entrance.CodeMeaning == "feet-first"


def test_a_gantry_relationship_within_the_orientation_is_put_beside_it(tmp_path):
    within = holding(LYING, SEQUENCES[1], FEET)
    made = derived(tmp_path, PatientOrientationCodeSequence=[within], PatientGantryRelationshipCodeSequence=None)
    assert made.PatientGantryRelationshipCodeSequence[0].CodeMeaning == "feet-first"
    assert SEQUENCES[1] not in made.PatientOrientationCodeSequence[0]


@pytest.mark.parametrize(("meaning", "count"), [("102538003", 1), ("F-10450", 1), ("10904000", 0)])
def test_a_side_that_only_patient_position_tells_completes_one_who_lies(meaning, count, tmp_path):
    item = coded(meaning, "SCT", "as coded")
    made = derived(tmp_path, PatientPosition="FFP", PatientOrientationCodeSequence=[item])
    found = made.PatientOrientationCodeSequence[0].get(MODIFIER) or []
    assert [m.CodeMeaning for m in found] == ["prone"] * count


def test_what_is_not_legal_of_it_stays_out(tmp_path):
    nameless = coded("F-10310", "SNM3", "")
    changes = {SEQUENCES[0]: [LYING], MODIFIER: [nameless]}
    made = derived(tmp_path, **changes)
    assert MODIFIER not in made.PatientOrientationCodeSequence[0]
