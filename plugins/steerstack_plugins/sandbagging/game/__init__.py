"""The sandbagging game: models that are committed to, audits that are blind, and scores for both."""
