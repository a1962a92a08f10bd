"""A small model that knows a few facts, trained in seconds."""
