"""Vectors and plans as files: formats of other tools, folders to share, the basis they are in."""
