"""Statistics on arrays, one entry an item; no model."""
