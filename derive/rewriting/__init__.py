"""An instance in, the same instance out: what is changed is spliced in, all else passes as the bytes that it was.

``stored`` finds how a file lies, private attributes, items and Pixel Data included; ``rewrite`` walks through it, asks
of every element what becomes of it, and gives the runs of bytes of the new file. Nobody decodes what stays.

This room knows no rule: what is kept, removed or replaced is decided by whoever calls (``deidentification``).
"""
