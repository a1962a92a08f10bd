"""For tests, ours and plugin authors': tiny models of many architectures."""
