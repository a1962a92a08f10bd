"""What plugins offer, by kind and name; data by name; listeners and the recorder."""
