"""Effect against cost, with vectors held at equal KL."""
