"""A server of OpenAI's protocol: any client of it gets a steered model, and numbers that are the engine's own."""
