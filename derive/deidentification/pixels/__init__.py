"""What stands in the picture itself: found, blanked, and said (PS3.15 E.3.1, Clean Pixel Data Option).

``clean`` is the page: boxes that a person named, ultrasound regions, templates, then text that is recognised; what is
found is blanked in every frame, and each sample outside is what it was. ``risk`` says which images may have text
burned in (``risks.tsv``), and who may go on all the same. ``black`` is what blank means, ``native`` and ``encoded``
write it, ``recognised`` asks tesseract for text.

Claimed as clean is only what a deterministic method or a person vouches for; recognised text never is enough: of words
over tissue an engine misses many (tests/benchmarks/recognition.py).
"""
