"""From typed results to what a recorder keeps."""
