"""Private attributes: told by who defines them, kept only while somebody calls them safe, never orphaned."""

from __future__ import annotations

import itertools

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from derive import standard
from derive.deidentification.engine.here import Here
from derive.deidentification.methods import METHODS
from derive.deidentification.private.claims import CHARACTERISTICS, characteristics, claims_of
from derive.deidentification.private.decide import private_ruling
from derive.deidentification.private.entries import (
    PrivateEntry,
    dictionary_entries,
    kept_entries,
    private_address,
)
from derive.deidentification.private.safe import private_vr, safe, safe_rows
from derive.deidentification.profile.profile import Profile, profile_of
from derive.deidentification.run.run import run_of
from derive.elements.datasets import from_dataset
from derive.elements.element import Element
from derive.elements.instance import Instance
from derive.rewriting.stored import AttributePath, SequenceStep
from tests.helpers.asserting import each, raises_code

NOBODY = Instance("nothing", {})
PHILIPS = "Philips PET Private Group"
SAFE = profile_of("basic", ["safe-private"])


def path(group, creator, element, vr="DS", block=0x10, above=()):
    return AttributePath(group << 16 | block << 8 | element, vr, creator, above)


def instance(*blocks):
    dataset = Dataset()
    items = []
    for group, creator, status, safe_ones, actions in blocks:
        item = Dataset()
        item.PrivateGroupReference, item.PrivateCreatorReference = group, creator
        item.BlockIdentifyingInformationStatus = status
        if safe_ones:
            item.NonidentifyingPrivateElements = safe_ones
        if actions:
            item.DeidentificationActionSequence = Sequence()
            for action, elements in actions.items():
                step = Dataset()
                step.DeidentificationAction, step.IdentifyingPrivateElements = action, elements
                item.DeidentificationActionSequence.append(step)
        items.append(item)
    dataset.PrivateDataElementCharacteristicsSequence = Sequence(items)
    return Instance("claims", from_dataset_of(dataset))


def from_dataset_of(dataset):
    return {element.tag: element for element in from_dataset(dataset).values()}


def test_the_whole_table_is_there_and_every_row_of_it_stays_with_the_option():
    rows = standard.safe_private_rows()
    assert len({(r.group, r.creator, r.element) for r in rows}) == len(rows) == 479
    for row in each(safe_rows().values(), 479):
        where = path(row.group, row.creator, row.element, row.vr)
        assert safe(where) is row
        assert private_ruling(where, SAFE.with_options(["full-dates"]), NOBODY).action in "KCU"
        assert private_ruling(where, profile_of(), NOBODY).action == "X"


@pytest.mark.parametrize(
    ("block", "above"), [*itertools.product((0x10, 0x27, 0xFF), ((), (SequenceStep(0x52009230),)))]
)
def test_a_moved_block_is_decided_alike(block, above):
    where = path(0x7053, PHILIPS, 0x09, block=block, above=above)
    assert private_ruling(where, SAFE, NOBODY).method == "cleanPrivate"
    assert private_ruling(path(0x7053, "OTHER", 0x09, block=block, above=above), SAFE, NOBODY).action == "X"


@pytest.mark.parametrize(
    ("vr", "options", "action", "method"),
    [
        ("DT", (), "X", "remove"),
        ("DT", ("modified-dates",), "C", "dateShift"),
        ("DA", ("full-dates",), "K", "keep"),
        ("TM", ("modified-dates",), "C", "dateShift"),
        ("UI", (), "U", "refreshUID"),
        ("UI", ("uids",), "K", "keep"),
        ("PN", ("full-dates", "uids"), "X", "remove"),
        ("UR", (), "X", "remove"),
        ("LO", (), "C", "cleanPrivate"),
        ("UT", (), "C", "cleanPrivate"),
        ("FD", (), "K", "keep"),
        ("SQ", (), "K", "keep"),
        ("OB", (), "K", "keep"),
        ("CS", (), "C", "cleanPrivate"),
        ("IS", (), "C", "cleanPrivate"),
    ],
)
def test_what_is_safe_is_still_looked_at_by_its_vr(vr, options, action, method):
    says = instance((0x0029, "MINE", "SAFE", (), {}))
    found = private_ruling(path(0x0029, "MINE", 1, vr), SAFE.with_options(options), says)
    assert (found.action, found.method) == (action, method)


def test_the_instance_is_believed_where_it_speaks_and_only_with_the_option():
    says = instance(
        (0x0029, "MIXED ONE", "MIXED", [1, 3], {"D": [5], "U": [6], "Z": [7], "X": [8]}),
        (0x0029, "UNSAFE ONE", "UNSAFE", [], {}),
        (0x7053, PHILIPS, "MIXED", [], {"X": [0]}),
    )
    expected = {1: "K", 2: "X", 3: "K", 5: "D", 6: "U", 7: "Z", 8: "X"}
    for element, action in each(expected.items(), 7):
        assert private_ruling(path(0x0029, "MIXED ONE", element, "FD"), SAFE, says).action == action
        assert private_ruling(path(0x0029, "MIXED ONE", element), profile_of(), says).action == "X"
    assert private_ruling(path(0x0029, "UNSAFE ONE", 1), SAFE, says).action == "X"
    assert private_ruling(path(0x0019, "MIXED ONE", 1), SAFE, says).action == "X"
    # What an instance calls identifying goes, whoever else calls it safe.
    assert private_ruling(path(0x7053, PHILIPS, 0), SAFE, says).action == "X"
    assert private_ruling(path(0x7053, PHILIPS, 9), SAFE, says).action == "C"


def test_a_block_of_which_two_things_are_said_is_only_as_safe_as_the_lesser():
    says = claims_of(instance((0x0029, "MINE", "SAFE", (), {}), (0x0029, "MINE", "MIXED", [2], {})))
    assert [says[0x0029, "MINE"].action(n) for n in (1, 2)] == ["", "K"]


def test_what_is_kept_is_said_in_the_result_by_creator():
    kept = [
        path(0x7053, PHILIPS, 9, block=0x27),
        path(0x7053, PHILIPS, 0, block=0x11),
        AttributePath(0x70530011, "LO", PHILIPS),
        AttributePath(0x00100010, "PN"),
        path(0x2001, "Philips Imaging DD 001", 3, above=(SequenceStep(0x52009230),)),
    ]
    element = characteristics(kept)
    says = claims_of(Instance("result", {CHARACTERISTICS: element}))
    assert {key: sorted(block.safe) for key, block in says.items()} == {
        (0x7053, PHILIPS): [0, 9],
        (0x2001, "Philips Imaging DD 001"): [3],
    }
    assert not any(block.is_safe for block in says.values())
    assert characteristics([AttributePath(0x00100010, "PN")]) is None


def test_what_is_not_of_its_vr_goes():
    """A text where a number should be is nobody's factor; bytes where a text should be cannot be searched."""
    assert private_ruling(path(0x7053, PHILIPS, 0, "OB"), SAFE, NOBODY).action == "X"
    assert private_ruling(path(0x7053, PHILIPS, 0, "PN"), SAFE, NOBODY).action == "X"
    assert private_ruling(path(0x7FD1, "SIEMENS Ultrasound SC2000", 1, "OW"), SAFE, NOBODY).action == "K"


@pytest.mark.parametrize(
    ("vr", "value", "stays"),
    [
        ("DS", b"0.000551", True),
        ("DS", b"-1.5e-3\\2 ", True),
        ("DS", b"DOE^JANE", False),
        ("DS", b"1.5\\DOE", False),
        ("DS", b"", True),
        ("IS", b"12", True),
        ("IS", b"20240115", False),
        ("DS", b"1.5\\\\20240115 ", False),
        ("IS", b"1.2", False),
        ("CS", b"PREDICTED", True),
        ("CS", b"Doe^Jane", False),
        ("AS", b"059Y", True),
        ("AS", b"DOE ", False),
    ],
)
def test_a_number_or_a_term_stays_while_it_is_one(vr, value, stays):
    profile = profile_of("basic", ["safe-private"])
    where = path(0x7053, PHILIPS, 0, vr)
    here = Here(where, NOBODY, ("ascii",), None, run_of(profile, b"k" * 32))
    element = Element(where.tag, vr, value)
    assert METHODS["cleanPrivate"].change(element, here) is (element if stays else None)


def test_nobody_reserved_it():
    assert private_ruling(AttributePath(0x00290001, "LO"), SAFE, NOBODY).action == "X"
    assert private_ruling(AttributePath(0x00291010, "OB"), SAFE, NOBODY).action == "X"


@pytest.mark.parametrize("text", ['(0029,"SIEMENS CSA HEADER",10)', "0029,'SIEMENS CSA HEADER',xx10"])
def test_private_addresses(text):
    assert private_address(text) == (0x29, "SIEMENS CSA HEADER", 0x10)


@pytest.mark.parametrize("text", ["(0029,1010)", '(0029,"",10)', "PatientID", '(29,"X",10)'])
def test_what_is_no_private_address(text):
    with raises_code("DEID-PRIVATE"):
        private_address(text)


def test_a_site_tells_of_its_own():
    entries = dictionary_entries(
        {'(0021,"STATION",01)': "DS", '(0021,"STATION",02)': {"vr": "DT", "name": "Begin", "keep": True}}
    ) + kept_entries([{"group": 0x0021, "creator": "STATION", "elements": [3, "0A"]}])
    profile = Profile(private=entries)
    assert private_vr(0x21, "STATION", 1, entries) == "DS"
    assert private_vr(0x21, "STATION", 9, entries) == "UN"
    assert private_vr(0x7053, PHILIPS, 0) == "DS"
    actions = [private_ruling(path(0x21, "STATION", n, "UN"), profile, NOBODY).action for n in (1, 2, 3, 0x0A)]
    assert actions == ["X", "X", "K", "K"]  # nobody tells what the last two are: the site vouches for them
    shifted = private_ruling(
        path(0x21, "STATION", 2, "UN"), Profile(options=("modified-dates",), private=entries), NOBODY
    )
    assert shifted.method == "dateShift"


@pytest.mark.parametrize(
    "table",
    [
        {'(0020,"EVEN",01)': "DS"},
        {'(0021,"STATION",01)': "XX"},
        {'(0021,"STATION",01)': {"vrr": "DS"}},
        {'(0021,"STATION",01)': 7},
    ],
)
def test_a_dictionary_that_cannot_be_used(table):
    with raises_code("DEID-PRIVATE"):
        dictionary_entries(table)


@pytest.mark.parametrize(
    "table",
    [
        {"group": 0x21, "creator": "STATION"},
        {"group": 0x21, "creator": "STATION", "elements": [0x100]},
        {"group": "odd", "creator": "STATION", "elements": [1]},
        {"group": 0x21, "creator": " ", "elements": [1]},
    ],
)
def test_a_list_to_keep_that_cannot_be_used(table):
    with raises_code("DEID-PRIVATE"):
        kept_entries([table])


def test_an_entry_has_no_default_that_keeps():
    assert not PrivateEntry(0x21, "STATION", 1).keep
