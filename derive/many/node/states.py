"""What becomes of a series in the node, and of a result: one word each, the same in ledger, status and metrics."""

from __future__ import annotations

from enum import Enum


class SeriesState(Enum):
    """Of a series that came.

    RECEIVED: instances come. COMPLETE: nothing more is waited for; it is to be derived. DERIVED: its results are made.
    SENT: the archive said of each instance of them that it is stored. VERIFIED: and was asked afterwards, and has them.
    SKIPPED: no rule of the plan is for it. OWN: results of this plan, which came back. QUARANTINED: something failed;
    the ledger says what, and the files stay.
    """

    RECEIVED = "received"
    COMPLETE = "complete"
    DERIVED = "derived"
    SENT = "sent"
    VERIFIED = "verified"
    SKIPPED = "skipped"
    OWN = "own"
    QUARANTINED = "quarantined"


#: What a result can be, in the order in which it becomes that.
RESULT_STATES = (SeriesState.DERIVED, SeriesState.SENT, SeriesState.VERIFIED)
#: Nothing is to be done any more: files may go when they are old.
DONE = (SeriesState.SENT, SeriesState.VERIFIED, SeriesState.SKIPPED, SeriesState.OWN)


def least(states: list[SeriesState]) -> SeriesState:
    """Return what a series is whose results are these: as far as the last of them; quarantined if one is."""
    if SeriesState.QUARANTINED in states:
        return SeriesState.QUARANTINED
    return min(states, key=RESULT_STATES.index)
