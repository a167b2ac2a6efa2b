"""Which words of a set may stay in its texts: a proposal, for a person to look at."""

from __future__ import annotations

from derive.deidentification.line.survey import survey_of
from derive.deidentification.text.tokens import TokenCounter, TokenProposal
from derive.reading.files import Source


def deid_tokens(source: Source, *, show_all: bool = False) -> TokenProposal:
    """Propose the words that may stay in free text of a set, as ``deidentify(keep_tokens=...)`` takes them.

    Parameters
    ----------
    source : path, paths or pydicom Datasets
        As :func:`derive.read` takes it.
    show_all : bool
        List also, as comments, the words of a single patient, who may be named by them.

    Returns
    -------
    TokenProposal
        Words of the standard's vocabulary and words that several patients share, but for those of any name of the set.

    Raises
    ------
    SourceError
        ``SRC-MISSING``, ``SRC-NONE``.
    """
    counter = TokenCounter()
    survey_of(source, counter.see)
    return counter.proposal(show_all=show_all)
