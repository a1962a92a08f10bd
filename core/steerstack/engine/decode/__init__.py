"""Generation under plans, rows and conditions side by side."""
