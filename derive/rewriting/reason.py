"""Reasons of a correction (PS3.3 C.12.1.1.9); the command line asks for them, and waits for nothing else."""

#: What was wrong is corrected; what is made to agree with another system is coerced.
COERCE, CORRECT = "COERCE", "CORRECT"
REASONS = (COERCE, CORRECT)
