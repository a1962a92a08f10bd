"""Judges: who says what a free answer is."""
