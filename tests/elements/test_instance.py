"""What one data set says, and what differs from another one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.elements.element import Element
from derive.elements.instance import Instance, State, changed, state_of

DATA_SETS = st.dictionaries(st.integers(1, 6), st.sampled_from([b"", b"  ", b"a ", b"b "]))


def elements_of(values):
    return {tag: Element(tag, "LO", value) for tag, value in values.items()}


@pytest.mark.parametrize(
    ("element", "state"),
    [
        (None, State.ABSENT),
        (Element(1, "LO", b""), State.EMPTY),
        (Element(1, "LO", b"  "), State.EMPTY),
        (Element(1, "LO", b"a "), State.FILLED),
        (Element(1, "US", b"\0\0"), State.FILLED),
    ],
)
def test_a_value_of_padding_is_none(element, state):
    assert state_of(element) is state


def test_a_name_is_one_value():
    """What pydicom makes of it can be gone through letter by letter."""
    one, two = (Instance("a", {0x00100010: Element(0x00100010, "PN", v)}) for v in (b"Doe^Jane", b"Doe^Jane\\Roe^Ann "))
    assert one.texts("PatientName") == ["Doe^Jane"]
    assert two.texts("PatientName") == ["Doe^Jane", "Roe^Ann"]


@given(DATA_SETS, DATA_SETS)
def test_what_has_changed_is_what_is_not_the_same_in_both(one, other):
    found = changed(elements_of(one), elements_of(other))
    assert found == {tag for tag in range(1, 7) if one.get(tag) != other.get(tag)}
