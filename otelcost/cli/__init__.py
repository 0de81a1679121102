"""The command line: one module a command, data on standard output, everything else on standard error."""
