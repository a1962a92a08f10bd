"""Sandbagging: a small world of skills, models that hide one of them, and commands that look for it."""
