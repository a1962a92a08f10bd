"""Does a vector hold, at the strength that was chosen before, under other prompts than those it was chosen by?"""
