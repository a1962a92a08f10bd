"""How sequences that share tokens become batches, and where edits fall in them."""
