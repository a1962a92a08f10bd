"""How evidence is combined: learned on some organisms, frozen, and judged on others."""
