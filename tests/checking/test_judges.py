"""A judge is asked again only where what it reads differs, and so it has to say what it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import standard
from derive.checking.files import elements_of
from derive.checking.instance import Judged
from derive.checking.judge import Judge
from derive.checking.judges import InstanceChecks, judges_of
from derive.elements.element import Element, tag_of
from tests.helpers.instances import CLASSES, series


class Reading(Mapping[int, Element]):
    """Elements, and the tags that somebody asked for."""

    def __init__(self, elements: Mapping[int, Element]) -> None:
        self.elements, self.read = elements, set()

    def __getitem__(self, tag: int) -> Element:
        self.read.add(tag)
        return self.elements[tag]

    def __iter__(self) -> Iterator[int]:
        return iter(self.elements)

    def __len__(self) -> int:
        return len(self.elements)


def iod_of(elements: Mapping[int, Element]) -> standard.Iod:
    return standard.iod(elements[tag_of("SOPClassUID")].value.rstrip(b"\0").decode())


@settings(max_examples=15, deadline=None)
@given(st.data())
@pytest.mark.parametrize("modality", CLASSES)
def test_no_judge_reads_what_it_does_not_declare(modality, data):
    original = elements_of(series(modality, 1)[0])
    elements = dict(original)
    for tag in data.draw(st.lists(st.sampled_from(sorted(original)), max_size=8)):
        elements[tag] = Element(tag, original[tag].vr, original[data.draw(st.sampled_from(sorted(original)))].value)
    reading = Reading(elements)
    instance = Judged(name="x", iod=iod_of(original), elements=reading, stored=np.zeros((2, 2), np.int16))
    assert instance.encodings
    assert instance.modules
    declared = [judge for judge in judges_of(instance.iod) if judge.reads is not None]
    assert len(declared) > 300
    for judge in declared:
        reading.read.clear()
        list(judge.findings(instance))
        assert reading.read <= judge.reads, judge.findings


def test_only_a_judge_of_what_differs_is_asked_again(monkeypatch):
    elements = elements_of(series("CT", 1)[0])
    tilt = tag_of("GantryDetectorTilt")
    asked = []

    def noted(judge, instance):
        asked.append(judge)
        return judge.findings(instance)

    iod = iod_of(elements)
    judges = judges_of(iod)
    noting = tuple(Judge(partial(noted, judge), judge.reads) for judge in judges)
    monkeypatch.setattr("derive.checking.judges.judges_of", lambda _: noting)
    checks = InstanceChecks()
    first = [f.code for f in checks.findings(Judged(name="1", iod=iod, elements=elements))]
    assert asked == list(judges)
    asked.clear()
    tilted = elements | {tilt: Element(tilt, "DS", b"3 ")}
    assert {f.code for f in checks.findings(Judged(name="2", iod=iod, elements=tilted))} == {*first, "CHK-TILT"}
    assert set(asked) == {judge for judge in judges if judge.reads is None or tilt in judge.reads}
    assert 3 < len(asked) < 10


@settings(max_examples=25, deadline=None)
@given(st.data())
@pytest.mark.parametrize("modality", CLASSES)
def test_checks_one_after_another_find_what_each_finds_alone(modality, data):
    """Random attributes are emptied, dropped or given another's bytes, from one instance to the next."""
    original = elements_of(series(modality, 1)[0])
    iod = iod_of(original)
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
    iod = iod_of(elements)
    wrong = elements | {0x00280101: Element(0x00280101, "US", b"\x20\0")}
    checks = InstanceChecks()
    for each, encapsulated in [(wrong, False), (elements, True), (elements, False), (wrong, True), (wrong, False)]:
        instance = Judged(
            name="x", iod=iod, elements=each, stored=np.zeros((2, 2), np.int16), encapsulated=encapsulated
        )
        alone = sorted(map(str, InstanceChecks().findings(instance)))
        assert sorted(map(str, checks.findings(instance))) == alone
