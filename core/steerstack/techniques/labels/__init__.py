"""Labelled items that a technique learns from: how many, how hard, and which of their labels are wrong."""
