"""What wrong labels leave of each technique's effect, and whether it learns the labeller's error."""
