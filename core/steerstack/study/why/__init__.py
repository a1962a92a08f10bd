"""Why a vector has no effect: what is looked at in turn, and the cause that is named."""
