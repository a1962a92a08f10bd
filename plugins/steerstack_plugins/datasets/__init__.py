"""Data: file formats, and the sets of our own writing."""
