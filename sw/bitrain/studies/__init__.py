"""Studies, one per file: what is measured, its result, its plot."""
