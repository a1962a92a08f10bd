"""Lists, lineage, verification, vectors by address."""
