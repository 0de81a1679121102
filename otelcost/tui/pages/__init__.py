"""The pages of the terminal interface, one a file."""
