"""What is remembered of one data set is what would be found anew in the next."""

from __future__ import annotations

import numpy as np
import pytest
from derive.elements.view import Changes, Remembered
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import standard
from derive.checking.files import elements_of
from derive.checking.instance import Judged
from derive.checking.judges import InstanceChecks
from derive.elements.element import Element
from derive.elements.instance import State
from tests.helpers.asserting import each
from tests.helpers.instances import CLASSES, series

ELEMENTS = st.dictionaries(
    st.integers(1, 6), st.builds(Element, st.just(0), st.just("LO"), st.sampled_from([b"", b"  ", b"a ", b"b "]))
)


def look(view):
    """Reads 1, and 2 only if 1 is there; the state of 3; which tags there are, if 4 is there."""
    first = view.get(1)
    second = view.get(2) if first is not None else None
    return first, second, view.state(3), frozenset(view) if 4 in view else None


@given(st.lists(ELEMENTS, max_size=12))
def test_a_remembered_answer_is_the_answer(data_sets):
    remembered, changes = Remembered(look), Changes()
    for elements in each(data_sets):
        tagged = {tag: e._replace(tag=tag) for tag, e in elements.items()}
        fresh = Remembered(look)(tagged, frozenset(tagged))
        assert remembered(tagged, changes.to(tagged)) == fresh


def test_a_question_is_asked_again_only_if_what_it_read_has_changed():
    asked = []

    def ask(view):
        asked.append(1)
        return view.get(1), view.state(2)

    remembered, changes = Remembered(ask), Changes()
    one = {1: Element(1, "LO", b"a "), 2: Element(2, "LO", b"x "), 3: Element(3, "LO", b"y ")}
    for elements, times in [
        (one, 1),
        (one, 1),
        (one | {3: Element(3, "LO", b"z ")}, 1),
        (one | {2: Element(2, "LO", b"w ")}, 1),
        (one | {2: Element(2, "LO", b"  ")}, 2),
        (one | {1: Element(1, "LO", b"b ")}, 3),
    ]:
        found = remembered(elements, changes.to(elements))
        assert len(asked) == times
    assert found == (Element(1, "LO", b"b "), State.FILLED)


@settings(max_examples=60, deadline=None)
@given(st.data())
@pytest.mark.parametrize("modality", CLASSES)
def test_checks_one_after_another_find_what_each_finds_alone(modality, data):
    """Random attributes are emptied, dropped or given another's bytes, from one instance to the next."""
    original = elements_of(series(modality, 1)[0])
    iod = standard.iod(original[0x00080016].value.rstrip(b"\0").decode())
    checks = InstanceChecks()
    stored = np.zeros((2, 2), np.int16)
    for _ in range(5):
        elements = dict(original)
        for tag in data.draw(st.lists(st.sampled_from(sorted(original)), max_size=3)):
            change = data.draw(st.sampled_from(["drop", "empty", "other"]))
            if change == "drop":
                elements.pop(tag, None)
            else:
                value = b"" if change == "empty" else original[data.draw(st.sampled_from(sorted(original)))].value
                elements[tag] = Element(tag, original[tag].vr, value)
        instance = Judged(name="x", iod=iod, elements=elements, stored=stored)
        alone = sorted(map(str, InstanceChecks().findings(instance)))
        assert sorted(map(str, checks.findings(instance))) == alone


def test_compressed_instances_between_others_change_nothing():
    """Each kind is compared with the last of its own kind."""
    elements = elements_of(series("CT", 1)[0])
    iod = standard.iod(elements[0x00080016].value.rstrip(b"\0").decode())
    wrong = elements | {0x00280101: Element(0x00280101, "US", b"\x20\0")}
    checks = InstanceChecks()
    for chosen, encapsulated in [(wrong, False), (elements, True), (elements, False), (wrong, True), (wrong, False)]:
        pixels = np.zeros((2, 2), np.int16)
        instance = Judged(name="x", iod=iod, elements=chosen, stored=pixels, encapsulated=encapsulated)
        alone = sorted(map(str, InstanceChecks().findings(instance)))
        assert sorted(map(str, checks.findings(instance))) == alone
