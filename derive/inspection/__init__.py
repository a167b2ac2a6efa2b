"""What is in a folder, before anything is done with it: every stack, and what derive would say to it.

::

    scan ──▶ headers by series ──▶ grid (planes), content (values, files), verdicts (the real refusals) ──▶ Inspection

Only headers are read. One bad file stops nothing: it is listed with the reason.

It may import the line, since verdicts are the real refusals, and no other room of its floor.
What would mend a refusal is its row in ``fixes.tsv``; what is told of a stack is a field of ``stacks.Stack``.
A ``Stack`` is a series here, and ``parts`` are the stacks that reading tells apart in it, with their volumes.
"""

from derive.inspection.inspection import Inspection
from derive.inspection.run import inspect
from derive.inspection.stacks import Objects, Problem, Stack
from derive.inspection.verdicts import Verdict

__all__ = ["Inspection", "Objects", "Problem", "Stack", "Verdict", "inspect"]
