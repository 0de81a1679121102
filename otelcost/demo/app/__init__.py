"""A small team's helpdesk: ordinary scripts around the openai and anthropic SDKs."""
