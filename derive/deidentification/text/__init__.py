"""Free text: what of it names this patient, and what is left of it.

``identifiers`` harvests what a header says of its patient, ``spellings`` how people write that, ``patterns`` what
looks like a date, a phone number, an address or an identifier whoever it is of; ``finding`` looks for all of it in a
text, and ``descriptors`` is the method that takes it out. ``content`` says what becomes of a content item by its
concept name (PS3.15 Table E.3.4-1), ``graphics`` what becomes of overlays and graphic annotations.
"""
