"""A population of organisms of many worlds, made and audited once: what rules are learned from and judged by."""
