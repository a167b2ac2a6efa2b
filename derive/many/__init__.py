"""Thousands of studies: a plan of rules, run over a tree or an archive, series after series or on many processes.

::

    plan.toml ──plan──▶ rules ◀──selecting── facts ◀──index── headers of a tree, or answers of an archive
                          │
                          ▼
              series & rule ──deriving──▶ outcome ──ledger──▶ resume, report

Each series ends as one outcome, whatever happens to the others. README.md says how it is used, on clusters too.

May import: whatever stands below the command line.
"""
