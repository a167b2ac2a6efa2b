"""What is no DICOM yet becomes an order, and takes the line of all others; export is the way back.

It holds what a conversion needs to know of a file: where its grid lies (placement, overlap), what its numbers mean
(numbers, capture), whose it is and what was said of it (given, attributes); ``options`` is what a caller can say, and
``convert`` the verb. ``export`` writes a series as a volume of another format.
It may import the line up to the builder, and formats; never another room of its floor.
To convert to another class, add a row to ``model/classes.tsv``; to ask a caller for more, a field to ``options``.
"""
