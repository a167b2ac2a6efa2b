"""Servers of pynetdicom that stop at once."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def quick_to_stop():
    """pynetdicom's servers look twice a second whether they shall stop."""
    from socketserver import BaseServer

    from pynetdicom.transport import ThreadedAssociationServer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ThreadedAssociationServer, "serve_forever", lambda self: BaseServer.serve_forever(self, 0.02))
        # Every 60 looks it collects garbage, with everything that the tests hold: a second in which nobody else runs.
        patch.setattr(ThreadedAssociationServer, "service_actions", lambda self: None)
        yield
