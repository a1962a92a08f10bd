"""Models made to sandbag on purpose, and honest controls."""
