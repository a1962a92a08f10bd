"""Learning from a reward: who rewards an answer, and what is trained on the answers that the model itself gives."""
