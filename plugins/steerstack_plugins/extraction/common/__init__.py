"""What several extractors share."""
