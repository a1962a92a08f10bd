"""Items and their polarity, splits, prompts, questions and answer forms, table files, leak checks."""
