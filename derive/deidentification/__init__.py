"""De-identification (PS3.15 Annex E): which attributes go, which are replaced, which stay, and the proof of it.

``deidentify`` is the page. A ``profile`` with its options says what is wanted, ``decide`` what becomes of one
attribute (rules, private, repeating groups, options, type, what the table lacks), ``methods`` do it, one function
each. ``run`` holds what one run shares: keys, the map of UIDs, shifts of dates, new names of patients.
``pixels`` blanks, ``configs`` reads rules that others wrote, ``check`` looks with its own eyes at what came out, and
nothing that fails is published.
"""
