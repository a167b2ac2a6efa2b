"""What would become of an attribute, from which column of which edition, and why: asked of the engine itself.

``explain`` answers for one attribute in objects of one class: what becomes of it, and what each option would do
instead. ``explain_all`` answers for every rule that there is, for those who have to agree to it. ``reasons.tsv`` has
the reasons in words; neither has an answer of its own.
"""
