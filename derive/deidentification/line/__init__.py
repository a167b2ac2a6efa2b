"""From a set to what is published: surveyed, treated, looked at, put in its place or in quarantine, and reported.

``survey`` is the first pass, ``work`` treats the objects of a batch in its process, ``publish`` lets a series appear as
a whole, ``layout`` says what files are called, ``tally`` and ``account`` gather what the ``report`` tells. ``review``
and ``tokens`` list texts for a person, ``dicomdir`` makes a directory.
"""
