"""One object in, the same object without what has to go: the walk, the decisions, and the marks.

``engine`` is the page. ``decide`` says what becomes of one attribute, step by step; ``changes`` remembers that for all
objects of a kind and has it done; ``references`` are those that lead out of the set; ``marks`` is what the object says
of it afterwards. What stays is never decoded.
"""
