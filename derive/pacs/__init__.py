"""To an archive and back: send, fetch, and ask what is there, whatever the archive is spoken to by.

    address, config ──archive_at──▶ Archive ──find, fetch──▶ files      fetch.py
                                       ▲ └──instances──▶ Holdings       verify.py
              files ──Sendable──store──┘                                send.py

``archive.py`` has the protocol (find, instances, fetch, store, commit, echo) and ``archive_at``, the one place where
the kind of an address decides; behind it are ``dimse/``, ``web/`` and ``folder.py``. ``outcome.py`` says what became of
what was sent and what was found, ``matching.py`` how a key matches (PS3.4 C.2.2.2). ``service/`` is a small archive.

It imports ``reading``, ``elements``, ``writing`` and what is below them, never what authors images. pynetdicom and
requests are imported where they are used.

Another kind of archive: a class with the methods of ``Archive``, an address with ``_Place`` as its base, a ``case`` in
``archive_at``. Another way to send: a field of ``SendOptions``.
"""
