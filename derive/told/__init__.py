"""What is told to people: in whose words, how much of it, and how far a long work is.

Messages speak flags to whoever types a command and keywords to whoever calls a function (wording, with
``wording.tsv``); none shows a value of a file that is not known to tell nothing of a person (secrecy); whatever takes
longer than a second says how far it is (progress).
It imports nothing of ours: errors, and everything above them, word themselves by it. Nothing is printed here; that is
the command line's.
To quote another kind of value in a message, add a function to ``secrecy``; to spell a flag otherwise than its keyword,
a row to ``wording.tsv``.
"""
