"""Spread the steps of a study over processes, each of which owns its model."""
