"""Pure values: where in the model, which tokens, which direction, which edit."""
