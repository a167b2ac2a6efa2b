"""A small archive for trying out and for tests: it stores, answers queries, sends back, and commits itself.

It has NO ACCESS CONTROL and no encryption, so nothing of a patient belongs in it.

``service`` listens and answers, ``index`` knows what lies in the folder and finds it, ``commit`` reports what is kept.

It imports ``dimse`` (listening, presentation contexts, associations for reports) and what both import; nothing imports
it but the command line, and ``folder``, which lists its files by the same index.

Another service: its contexts in ``ArchiveService._contexts``, its handler in ``_handlers``. Another attribute to be
asked for by: a name in ``index.LEVELS``.
"""

from derive.pacs.service.service import ArchiveService

__all__ = ["ArchiveService"]
