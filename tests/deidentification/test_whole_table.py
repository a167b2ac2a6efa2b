"""PS3.15 Table E.1-1, every row, at every kind of place: what is kept, what changes, and what options make of it."""

from __future__ import annotations

import io
import re
from functools import cache

import pytest
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from derive.deidentification.check.checker import DeidChecker
from derive.deidentification.methods import METHODS
from derive.deidentification.profile.profile import options, profile_of
from tests.helpers.asserting import each, every
from tests.helpers.tables import CT
from tests.helpers.whole_table import (
    CONTENT,
    FUNCTIONAL_GROUPS,
    MARKS,
    PLAIN,
    Row,
    at,
    placed,
    table_rows,
    through,
    through_bytes,
    written,
)

SR, UNKNOWN = "1.2.840.10008.5.1.4.1.1.88.33", "1.3.12.2.1107.5.9.1"
PLACES = {"top": (), "two sequences deep": PLAIN, "functional groups": FUNCTIONAL_GROUPS, "content": CONTENT}
COLUMNS = {name: option.column for name, option in options().items() if option.column}
EVERYTHING = (
    "basic+descriptors+graphics+structured-content+modified-dates+device-identity+institution-identity"
    "+patient-characteristics+uids+safe-private"
)
#: References stay, by their new UIDs: what else stands beside them is asked for by itself.
REFERENCES = "X/Z/U*"
PLANTED = re.compile(rb"KEPT\d{5} within|Kept\d+\^|1\.2\.826\.0\.1\.77\.\d")


@cache
def original(place: str, sop_class_uid: str) -> tuple[Dataset, bytes]:
    """Return an object with all rows at a place, and the bytes of its file."""
    before = placed(table_rows(), PLACES[place], sop_class_uid)
    return before, written(before)


@cache
def gone_through(place: str, sop_class_uid: str, profile: str) -> tuple[Dataset, Dataset, bytes]:
    """Return the item with all rows before and after, and the bytes of the file."""
    before, source = original(place, sop_class_uid)
    data, _ = through_bytes(source, profile_of(profile))
    held, left = at(before, PLACES[place]), at(dcmread(io.BytesIO(data)), PLACES[place])
    assert held is not None
    assert left is not None
    return held, left, data


def rows_at(place: str) -> list[Row]:
    return [row for row in table_rows() if PLACES[place] or row.tag not in MARKS]


def is_kept(row: Row, before: Dataset, after: Dataset) -> bool:
    """Whether a row has the value that it had; of a sequence whether it still has items."""
    tag = Tag(row.tag)
    if row.vr == "SQ":
        return tag in after and bool(after[tag].value)
    return tag in after and after[tag].value == before[tag].value


@pytest.mark.parametrize("sop_class_uid", [CT, SR, UNKNOWN])
@pytest.mark.parametrize("place", PLACES)
def test_basic_keeps_none(place: str, sop_class_uid: str) -> None:
    before, after, data = gone_through(place, sop_class_uid, "basic")
    leaves = [row for row in rows_at(place) if row.vr != "SQ"]
    assert len(leaves) > 500
    assert [row.name for row in leaves if is_kept(row, before, after)] == []
    # Within the sequences too, whichever were kept for what they are required for; but for texts beside references.
    assert not {found for found in PLANTED.findall(data) if not _is_beside_a_reference(found)}


@pytest.mark.parametrize("profile", ["basic", EVERYTHING])
@pytest.mark.parametrize("sop_class_uid", [CT, SR, UNKNOWN])
@pytest.mark.parametrize("place", PLACES)
def test_the_check_that_looks_by_itself_finds_nothing(place: str, sop_class_uid: str, profile: str) -> None:
    _, _, data = gone_through(place, sop_class_uid, profile)
    checker = DeidChecker(profile_of(profile))
    found = [*checker.pair(original(place, sop_class_uid)[1], data), *checker.finish()]
    assert [str(violation) for violation in found if violation.severity == "error"] == []


@pytest.mark.parametrize("profile", ["basic", EVERYTHING])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_how_an_object_is_encoded_makes_no_difference(syntax: str, profile: str) -> None:
    """Without VR those of the dictionary hold; attributes that it lacks are of VR UN."""
    before = placed(table_rows(), PLAIN, CT)
    data, _ = through_bytes(written(before, syntax), profile_of(profile))
    held, left = at(before, PLAIN), at(dcmread(io.BytesIO(data)), PLAIN)
    assert held is not None
    assert left is not None
    columns = {option.column for option in profile_of(profile).columns}
    leaves = [row for row in table_rows() if row.vr != "SQ" and row.table.keyword]
    kept = {row.name for row in leaves if is_kept(row, held, left)}
    unchanged = {name for option in profile_of(profile).options for name in _unchanged_though_cleaned(option, leaves)}
    wanted = {row.name for row in leaves if "K" in {row.table.actions.get(column) for column in columns}}
    assert kept - unchanged == wanted - unchanged


def _is_beside_a_reference(found: bytes) -> bool:
    numbers = {number for number, row in enumerate(table_rows()) if row.table.basic == REFERENCES}
    beside = re.fullmatch(rb"KEPT(\d{5}) within", found)
    # At the top the rows of MARKS have no number.
    return beside is not None and bool({int(beside[1]), int(beside[1]) + 1} & numbers)


@pytest.mark.parametrize("place", ["top", "two sequences deep", "functional groups"])
@pytest.mark.parametrize("option", COLUMNS)
def test_an_option_keeps_its_rows_and_no_others(option: str, place: str) -> None:
    before, after, _ = gone_through(place, CT, f"basic+{option}")
    leaves = [row for row in rows_at(place) if row.vr != "SQ"]
    kept = {row.name for row in leaves if is_kept(row, before, after)}
    wanted = {row.name for row in leaves if row.table.actions.get(COLUMNS[option]) == "K"}
    assert kept - _unchanged_though_cleaned(option, leaves) == wanted
    sequences = [row for row in rows_at(place) if row.vr == "SQ" and row.table.actions.get(COLUMNS[option]) == "K"]
    assert [row.name for row in sequences if not is_kept(row, before, after)] == []


def _unchanged_though_cleaned(option: str, rows: list[Row]) -> set[str]:
    """Return what is cleaned and has nothing to clean: times, as dates are shifted by whole days; a code string."""
    cleaned = [row for row in rows if row.table.actions.get(COLUMNS[option]) == "C"]
    nothing = {"modified-dates": ("TM",), "descriptors": ("CS",)}.get(option, ())
    return {row.name for row in cleaned if row.vr in nothing}


@pytest.mark.parametrize("option", [name for name in COLUMNS if options()[name].cleaner and name != "safe-private"])
def test_an_option_cleans_its_rows_where_there_is_a_cleaner_and_is_claimed_only_then(option: str) -> None:
    _, _, found = through(placed(table_rows(), PLAIN, CT), profile_of(f"basic+{option}"))
    there_is = options()[option].cleaner in METHODS
    assert (options()[option].code in {code for code, *_ in found.claims.codes}) == there_is
    methods = {decided.path.rpartition(".")[2]: (decided.action, decided.why) for decided in found.decisions}
    rows = [row for row in table_rows() if row.table.actions.get(COLUMNS[option]) == "C" and row.table.keyword]
    for row in each(rows):
        if row.table.shown[1:5] not in ("50xx", "60xx"):
            is_cleaned = methods[row.table.keyword] == ("C", f"{COLUMNS[option]}: C")
            assert is_cleaned == there_is, row.name


def test_an_option_is_of_no_account_where_another_keeps_more() -> None:
    """K comes before C, and C before the Basic Profile, whatever the order in which they are asked for."""
    both = "basic+patient-characteristics+full-dates+device-identity+descriptors"
    before, after, _ = gone_through("top", CT, both)
    columns = {COLUMNS[name] for name in both.split("+")[1:]}
    kept = [row for row in rows_at("top") if "K" in {row.table.actions.get(column) for column in columns}]
    assert every((is_kept(row, before, after) for row in kept), at_least=200)


@pytest.mark.parametrize("option", COLUMNS)
def test_no_option_lets_a_name_pass_in_content(option: str) -> None:
    """Content items are decided by themselves where that is asked for, and replaced as a whole where not."""
    before, after, data = gone_through("content", SR, f"basic+structured-content+{option}")
    names = [row for row in table_rows() if row.vr == "PN"]
    assert [row.name for row in names if is_kept(row, before, after)] == []
    assert not re.findall(rb"Kept\d+\^Within", data)


def test_an_earlier_edition_lets_what_it_lacks_to_the_net() -> None:
    profile = profile_of("basic", edition="2024b")
    before = placed(table_rows(), PLAIN, CT)
    after, _, _ = through(before, profile)
    held, left = at(before, PLAIN), at(after, PLAIN)
    assert held is not None
    assert left is not None
    newer = {row.tag for row in table_rows()} - {row.tag for row in table_rows("2024b")}
    assert len(newer) > 30
    leaves = [row for row in table_rows() if row.vr != "SQ"]
    kept = {row.table.name for row in leaves if is_kept(row, held, left)}
    # Texts beyond the table are searched and stay; dates, names, addresses and group 0010 go by the net.
    assert kept <= {row.table.name for row in leaves if row.tag in newer and row.vr in ("LO", "SH", "ST", "LT", "UT")}
    assert not {row.tag for row in leaves if row.table.name in kept and row.tag >> 16 == 0x0010}


@pytest.mark.parametrize("value_type", ["NUM", "CODE", "CONTAINER", "TEXT", "", "NO SUCH"])
def test_an_item_that_holds_what_its_value_type_does_not_tell_of_lets_nothing_pass(value_type: str) -> None:
    """A name among numbers is a name, and a date follows what is wanted of dates."""
    report, item = placed((), (), SR), Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", value_type
    item.PersonName, item.Date, item.UID = "Moore^Ann", "19770707", "1.2.826.0.1.77.1"
    item.DateTime = "19770707071707"
    report.ContentSequence = Sequence([item])
    after, _, _ = through(report, profile_of("basic+structured-content"))
    left = after.ContentSequence[0] if after.ContentSequence else Dataset()
    assert "Moore" not in str(left.get("PersonName", ""))
    assert left.get("Date") != item.Date
    assert left.get("DateTime") != item.DateTime
    assert left.get("UID") != item.UID
