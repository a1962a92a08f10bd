"""Reports: figures, the HTML page, and the card of a vector."""
