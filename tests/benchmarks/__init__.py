"""How fast the command line is, and in how much memory: `python -m tests.benchmarks`."""
