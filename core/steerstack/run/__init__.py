"""Steps, the ledger that keeps them, progress, and the workers that do them."""
