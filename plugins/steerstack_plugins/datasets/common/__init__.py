"""What the readers of choice items share."""
