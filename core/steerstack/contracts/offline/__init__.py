"""Fine-tunes on given answers, and what may be done to the model while they run."""
