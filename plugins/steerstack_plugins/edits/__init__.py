"""Edits: how a vector acts on activations."""
