"""Evidence that a model hides an ability, and how it is combined."""
