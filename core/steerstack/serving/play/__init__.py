"""The local page of a vector: sliders, two answers beside each other, and what becomes of the behaviour's items."""
