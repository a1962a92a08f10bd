"""Rewards of sampled answers: the exact label, the behaviour's log-odds, a judge, a reward model."""
