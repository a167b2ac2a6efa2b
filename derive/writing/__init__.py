"""Instances to Part 10 files: all of them, checked, or none.

It holds the bytes of a file, the folder that appears at once, the writer that files instance after instance, and the
report of what was written.
It may import checking, authoring's instances, and what stands below them.
Whatever is written anywhere goes through :mod:`~derive.writing.atomic`; another thing to tell of a series is a field of
``report``.
"""
