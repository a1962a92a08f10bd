"""Where a model is given: a folder, a file, an id; and what must be so for it to be one."""
