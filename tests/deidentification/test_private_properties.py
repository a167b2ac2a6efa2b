"""Whatever private attributes a data set has, at every depth: creators and attributes stay together."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.helpers.asserting import every
from tests.helpers.sources import make_series
from tests.helpers.went_through import bytes_of, every_item, gone_through, privates, read_back

CREATORS = (
    "Philips PET Private Group",
    "SIEMENS MED PT",
    "ELSCINT1",
    "GEMS_PETD_01",
    "QUILLFEATHER 1.0",
    "SIEMENS CSA HEADER",
)
GROUPS = (0x0009, 0x0029, 0x0071, 0x0045, 0x7053, 0x7FE3)
CANARY = "Quillfeather"
VALUES = {
    "LO": CANARY,
    "PN": CANARY,
    "UT": CANARY,
    "DS": "1.5",
    "DT": "20240115103000",
    "UI": "1.2.826.0.1.3680043.99.1",
    "OB": CANARY.encode() + b"\0\0",
    "UN": CANARY.encode(),
    "FD": 1.5,
}
#: Group, creator, element and VR of one private attribute.
ATTRIBUTES = st.tuples(
    st.sampled_from(GROUPS),
    st.sampled_from(CREATORS),
    st.sampled_from((0x00, 0x01, 0x09, 0x22, 0x26)),
    st.sampled_from([*VALUES]),
)
LEVELS = st.lists(st.lists(ATTRIBUTES, max_size=6, unique_by=lambda a: a[:3]), min_size=1, max_size=3)


def built(levels, first_block):
    """A data set with private attributes at the top, and in each level of nested private and standard sequences."""
    top = make_series("PT", 1)[0]
    top.remove_private_tags()
    top.PatientName = f"{CANARY}^Aurelia"
    holder = top
    for number, attributes in enumerate(levels):
        if number:
            inner = Dataset()
            if number % 2:
                holder.RequestAttributesSequence = Sequence([inner])
            else:
                fill(holder, [(0x0021, "NESTS 1.0", 0x01, "SQ")], 0xF0, Sequence([inner]))
            holder = inner
        fill(holder, attributes, first_block)
    return top


def fill(dataset, attributes, first_block, value=None):
    blocks = {}
    for group, creator, element, vr in attributes:
        block = blocks.setdefault((group, creator), first_block + len(blocks))
        dataset.add_new(group << 16 | block, "LO", creator)
        dataset.add_new(group << 16 | block << 8 | element, vr, VALUES[vr] if value is None else value)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@settings(max_examples=25)
@given(levels=LEVELS)
def test_creators_and_attributes_stay_together_and_blocks_make_no_difference(levels, syntax):
    options = ("safe-private", "modified-dates")
    done = gone_through(built(levels, 0x10), *options, syntax=syntax)
    moved = gone_through(built(levels, 0x27), *options, syntax=syntax)
    assert CANARY.encode() not in bytes_of(done)
    result, other = read_back(done), read_back(moved)
    assert [privates(d) for d in every_item(result)] == [privates(d) for d in every_item(other)]
    for dataset in every_item(result):
        creators = {(e.tag.group, e.tag.element) for e in dataset if e.tag.is_private_creator}
        assert creators == {
            (e.tag.group, e.tag.element >> 8) for e in dataset if e.tag.is_private and not e.tag.is_private_creator
        }
    assert {d.path for d in done.decisions} == {d.path for d in moved.decisions}


@settings(max_examples=15)
@given(levels=LEVELS)
def test_without_an_option_none_of_them_is_left(levels):
    done = gone_through(built(levels, 0x10))
    assert CANARY.encode() not in bytes_of(done)
    assert every(not e.tag.is_private for dataset in every_item(read_back(done)) for e in dataset)


@pytest.mark.parametrize("vr", [*VALUES])
@pytest.mark.parametrize("action", ["D", "Z", "X", "U"])
def test_what_an_instance_calls_identifying_is_gone_whatever_it_is(vr, action):
    dataset = make_series("CT", 1)[0]
    fill(dataset, [(0x0021, "STATION 1.0", 0x01, vr)], 0x10, VALUES[vr] if vr != "DS" else "778812.25")
    item, step = Dataset(), Dataset()
    item.PrivateGroupReference, item.PrivateCreatorReference = 0x0021, "STATION 1.0"
    item.BlockIdentifyingInformationStatus = "UNSAFE"
    step.DeidentificationAction, step.IdentifyingPrivateElements = action, [1]
    item.DeidentificationActionSequence = Sequence([step])
    dataset.PrivateDataElementCharacteristicsSequence = Sequence([item])
    data = bytes_of(gone_through(dataset, "safe-private"))
    assert CANARY.encode() not in data
    assert b"778812.25" not in data
    assert b"20240115103000" not in data
    assert b"1.2.826.0.1.3680043.99.1" not in data


@pytest.mark.parametrize("block", [0x10, 0x27])
@pytest.mark.parametrize("value", [CANARY + " Aurelia", CANARY])
def test_a_dictionary_that_knows_another_vr_lets_no_text_through(value, block):
    """Of ELSCINT1 (01F1,xx26) PS3.15 says DS and pydicom FD, in one block alone: where a file tells no VR, DS holds."""
    dataset = make_series("CT", 1)[0]
    dataset.remove_private_tags()
    fill(dataset, [(0x01F1, "ELSCINT1", 0x26, "LO"), (0x01F1, "ELSCINT1", 0x27, "DS")], block)
    dataset[0x01F10026 | block << 8].value = value
    done = gone_through(dataset, "safe-private", syntax=ImplicitVRLittleEndian)
    assert CANARY.encode() not in bytes_of(done)
    assert '(01F1,"ELSCINT1",27)' in {d.path for d in done.decisions if d.action == "C"}
