"""Which store, how it is reached, and what things in it are called."""
