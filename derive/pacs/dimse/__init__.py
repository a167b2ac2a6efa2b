"""An archive that is spoken to by DIMSE (PS3.7, PS3.8); ``archive.py`` has its verbs.

Associations: ``association`` opens, closes and aborts, ``transport`` secures, ``contexts`` and ``proposal`` say what is
proposed. C-STORE: ``send`` distributes, ``worker`` tries again, ``link`` sends one, ``transcode`` encodes what is not
taken as it is, ``status`` names the answer. ``find`` is C-FIND; ``retrieve`` is C-GET and C-MOVE, with ``listener`` and
``intake`` for what comes in; ``commit`` is Storage Commitment.

It imports the rest of ``pacs`` but ``archive``, ``send``, ``fetch``, ``verify``, ``web`` and ``service``.

Everything that is reached into of pynetdicom is in ``_pynetdicom``, and nowhere else. Another service of an archive is
a module with functions that take a ``DimseAddress`` and open their association by ``associated``, and a method of
``DimseArchive``. Another reason to send again is a row of ``status``.
"""
