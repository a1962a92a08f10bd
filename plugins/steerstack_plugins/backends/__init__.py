"""Other ways to open and run a model."""
