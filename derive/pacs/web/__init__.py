"""An archive that is spoken to by DICOMweb (PS3.18); ``archive.py`` has its verbs.

``session`` speaks HTTP: credentials, TLS, time-outs, what is tried again. ``stow`` is STOW-RS, with ``multipart`` for
the body and ``answer`` for what it says of each instance; ``query`` is QIDO-RS, ``retrieve`` WADO-RS. ``faults`` tells
apart what goes wrong, and whether the service got the request.

It imports the rest of ``pacs`` but ``archive``, ``send``, ``fetch``, ``verify``, ``dimse`` and ``service``. Why not
dicomweb-client: ``tests/workarounds/test_dicomweb_client.py``.

Another transaction is a function that takes a ``WebAddress`` and opens a ``WebSession``, and a method of
``WebArchive``. Another reason of a service is a row of ``answer``.
"""
