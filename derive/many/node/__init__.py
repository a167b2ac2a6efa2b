"""A node that derives what it receives: C-STORE and STOW in, the rules of a plan, results to an archive.

``listening`` and ``web`` hear what comes, ``reception`` decides on each instance, ``store`` keeps files and ``ledger``
says what became of them: both are on the disk before anything is acknowledged. ``completion`` says when a series is
all there, ``work`` derives it in a process of its own, ``delivery`` sends what was made, and ``steward`` has all that
done in time. ``node`` starts and ends them; ``status`` tells how it goes.

It may import all that a command may; nothing imports it but the command line. What else can become of a series: a row
of ``states``, and who moves it there.
"""
