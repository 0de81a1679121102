"""What a call costs: the compiled book, the one cost expression, and facts about models."""
