"""Directions trained for how they act: by preference without a reference, and at the ends of the prompt alone."""
