"""Memory, batch sizes and stored activations."""
