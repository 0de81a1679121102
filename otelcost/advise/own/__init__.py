"""The user's side of the catalogue: rules of one's own, run in a process of their own, and what is set about rules."""
