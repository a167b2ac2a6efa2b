"""Correction of headers: attributes of objects that exist are set, taken out or computed, and the old values kept.

``correct`` is the page. What a caller wants is ``asked``; a corrector says of one instance what changes in it
(``values`` what is set and taken out, and others beside it), and ``rewriting`` writes it down in Original Attributes
Sequence (PS3.3 C.12.1.1.9), splices it in, and takes it back. Pixels pass as bytes.
"""
