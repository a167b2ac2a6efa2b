"""What all objects of a run share: keys, the map of UIDs, shifts of dates, new names of patients, and dummies.

A ``run`` is settled once and goes to every process; nothing in it depends on the order of objects. What it gives
follows of its key (``keys``), so that runs with one key agree. ``uids``, ``dates`` and ``subjects`` say what a UID, a
date and a patient become; ``id_map`` is a table of patients that a person keeps.
"""
