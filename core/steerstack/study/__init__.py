"""Studies: what is measured, on which items, and what may be concluded."""
