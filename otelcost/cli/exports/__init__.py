"""What is exported, and the forms that are not simply rows."""
