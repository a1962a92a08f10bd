"""What several judges share."""
