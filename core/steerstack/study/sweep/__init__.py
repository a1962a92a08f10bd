"""One vector at several layers and strengths."""
