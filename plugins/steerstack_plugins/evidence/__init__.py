"""Evidence: claims about steering vectors, declared before they are measured, and pages built from what came out."""
