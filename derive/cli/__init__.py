"""The command line: what is asked for is read from arguments, done by one public call, and told.

Every operation is a sub-command whose flags and help come from its declaration (``operating``, ``flags``); the other
commands have a file each, and a line with an example in ``commands.tsv``. ``shared`` holds what several commands take,
``schemas/`` what ``--json`` prints. It alone writes to standard output.
It may import everything, and imports what a command needs when it runs: help and usage errors need no pydicom.
To add a command, add its file with a parser and a ``run``, and its line to ``commands.tsv``.
"""
