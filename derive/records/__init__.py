"""What written files say was done to them, and whether it is true.

It reads the record of steps back (record, steps), accounts for every attribute (account, explain), compares two
series (compare, diff) and recomputes a result from its sources (verify). A multi-frame instance is as many images as it
has frames (frames); what it was made of is told by instance and frame (named_sources, sources_tried, converted).
It may import the whole line, since it has to run it again; nothing of the line imports it.
What another operation records follows from its declaration; how a kind of difference is told is in ``diff``.
"""
