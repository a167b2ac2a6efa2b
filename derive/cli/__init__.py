"""The command line: every operation is a sub-command; its flags and help come from its declaration."""
