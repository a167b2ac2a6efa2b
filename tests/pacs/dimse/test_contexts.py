"""Presentation contexts: what is proposed, and over how many associations it goes."""

from __future__ import annotations

from collections import Counter

import pytest
from pydicom.uid import (
    RLELossless,
)

from derive.pacs.dimse.contexts import FALLBACKS, MOST, Context, groups, split_by_series, wanted
from derive.pacs.dimse.proposal import COMMON, storage_contexts, transfer_syntaxes
from derive.pacs.sendable import Sendable
from tests.helpers.asserting import every
from tests.helpers.dimse_peers import (
    sendables,
)

EXPLICIT, IMPLICIT = FALLBACKS


def test_each_context_names_one_syntax_and_the_own_one_comes_first():
    (sendable,) = sendables(1)
    rle = Sendable(sendable.sop_class_uid, "1", "2", "3", str(RLELossless))
    assert [c.transfer_syntax_uid for c in wanted(rle)] == [RLELossless, EXPLICIT, IMPLICIT]
    assert [c.transfer_syntax_uid for c in wanted(sendable)] == [EXPLICIT, IMPLICIT]


def test_instances_of_one_class_share_their_contexts():
    (group,) = groups(sendables(7))
    assert len(group.contexts) == 2
    assert len(group.sendables) == 7


@pytest.mark.parametrize(("classes", "expected"), [(1, 1), (42, 1), (64, 1), (65, 2), (129, 3)])
def test_no_group_has_too_many_contexts_and_none_is_lost(classes, expected):
    many = [Sendable(f"1.2.{i % classes}", f"1.3.{i}", "2", "3", EXPLICIT) for i in range(3 * classes)]
    made = groups(many)
    assert len(made) == expected
    assert every(len(g.contexts) <= MOST for g in made)
    assert Counter(p.sop_instance_uid for g in made for p in g.sendables) == Counter(p.sop_instance_uid for p in many)
    assert every(set(wanted(p)) <= set(g.contexts) for g in made for p in g.sendables)


def test_syntaxes_of_a_class_share_its_fallbacks():
    (group,) = groups([Sendable("1.2", f"1.{i}", "2", "3", s) for i, s in enumerate((str(RLELossless), EXPLICIT))])
    assert set(group.contexts) == {Context("1.2", s) for s in (str(RLELossless), EXPLICIT, IMPLICIT)}


def test_series_keep_their_order():
    mixed = [p for pair in zip(sendables(3), sendables(3, number=1), strict=True) for p in pair]
    assert split_by_series(mixed) == [mixed[::2], mixed[1::2]]


@pytest.mark.parametrize("classes", [0, 1, 2, 3, 30, 122, 200])
def test_never_more_contexts_are_proposed_than_there_may_be(classes):
    contexts = storage_contexts([f"1.2.{k}" for k in range(classes)], room=124)
    assert len(contexts) <= 124
    for name in {str(c.abstract_syntax) for c in contexts}:
        proposed = [str(s) for c in contexts if c.abstract_syntax == name for s in c.transfer_syntax]
        assert sorted(proposed) == sorted(transfer_syntaxes())
    assert len({str(c.abstract_syntax) for c in contexts}) == min(classes, 124)


def test_common_classes_are_those_of_the_standard_and_once():
    from pynetdicom import AllStoragePresentationContexts

    known = {str(c.abstract_syntax) for c in AllStoragePresentationContexts}
    assert set(map(str, COMMON)) <= known
    assert len(set(COMMON)) == len(COMMON)
