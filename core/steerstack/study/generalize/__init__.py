"""Techniques trained on one kind of item and tested on another."""
