"""Plans on models that vLLM runs: rows found, blocks hooked, edits counted, and the whole proven on opening."""
