"""Metrics: what a vector may change, and what it should leave alone."""
