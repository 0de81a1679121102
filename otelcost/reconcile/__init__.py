"""Recorded cost against what a provider says it billed: by day and model, with the gap's causes."""
