"""Files to one source: found, read, chosen, measured and sorted.

Every file is found and opened in one place; a header is made of any class; one series is selected, its
planes are measured, and its frames decode their pixels when they are asked for.
It may import the nouns (model), elements, pixels and what stands below them; nothing that writes.
To read another kind of container, touch ``files`` and ``zips``; to refuse or accept another kind of series, ``select``.
"""
