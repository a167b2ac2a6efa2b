"""A link sends beside pynetdicom's thread, by its queue, or leaves it to pynetdicom: the archive sees no difference."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from derive.pacs.dimse import _pynetdicom
from derive.pacs.dimse.contexts import wanted
from derive.pacs.dimse.link import Link, Lost
from derive.pacs.dimse.transcode import data_set
from tests.helpers.dimse_peers import SHORT, archive, sendables

WAYS = ["by the socket", "by the queue", "by the library", "by a library without those parts"]


@pytest.fixture(params=WAYS)
def by_library(request, monkeypatch):
    """The ways, of which a link takes the first that it can; what is taken from it tells it which."""
    if request.param == WAYS[1]:
        monkeypatch.setattr(_pynetdicom, "_connection", lambda association: None)
    if request.param == WAYS[3]:
        monkeypatch.setattr(_pynetdicom, "tame", lambda association: None)
    return request.param == WAYS[2]


def answers(instances, peer, by_library, timeouts=SHORT):
    """Store some on one link; give what was said of each."""
    contexts = tuple(dict.fromkeys(c for s in instances for c in wanted(s)))
    link = Link(peer.address(timeouts), contexts, threading.Event(), by_library=by_library)
    said = []
    for sendable in instances:
        context = next(c for c in wanted(sendable) if link.accepts(c))
        said.append(link.store(context, sendable.sop_instance_uid, data_set(sendable.read(), sendable.name)))
    assert link.alive
    link.close()
    return [(r.status, r.comment) for r in said]


def test_every_way_brings_the_same_bytes_and_the_same_answers(by_library):
    instances = sendables(4, shape=(300, 301))

    def second_is_doubted(event, before, made):
        return 0xB000 if before == 1 else 0xA700 if before == 2 else 0x0000

    with archive(second_is_doubted, maximum_pdu_size=16384) as peer:
        assert answers(instances, peer, by_library) == [(0, ""), (0xB000, ""), (0xA700, ""), (0, "")]
    taken = [instances[k] for k in (0, 1, 3)]
    assert peer.stored == {s.sop_instance_uid: bytes(data_set(s.read(), "")) for s in taken}
    assert peer.requests == [s.sop_instance_uid for s in instances]
    assert peer.events.count("EVT_RELEASED") == 1


def test_no_answer_is_a_lost_association_whichever_way(by_library):
    held = threading.Event()
    with archive(lambda *_: held.wait(10) and 0x0000) as peer:
        with pytest.raises(Lost):
            answers(sendables(1), peer, by_library)
        held.set()


def test_a_library_that_is_not_as_it_is_known_is_left_alone():
    assert not _pynetdicom.is_known(SimpleNamespace(dul=SimpleNamespace()))
