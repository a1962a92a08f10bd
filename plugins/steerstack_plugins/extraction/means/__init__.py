"""Other means of the differences: one that bears wrong labels, and one that acts at many layers at once."""
