"""Ways to change a model's behaviour, each with its choices: vectors, nulls, fine-tunes, prompts."""
