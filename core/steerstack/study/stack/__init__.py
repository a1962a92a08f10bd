"""A vector on top of prompts, demonstrations, fine-tunes and other vectors."""
