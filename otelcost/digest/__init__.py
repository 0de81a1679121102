"""What a digest says: the answer in its subject, few drivers, few actions, what the figures rest on."""
