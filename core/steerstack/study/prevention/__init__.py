"""What an edit or a prompt in training prevents of a trait in the training data, and what it costs in skill."""
