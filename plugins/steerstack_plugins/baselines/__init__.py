"""Baselines: what a vector has to beat, or stack with."""
