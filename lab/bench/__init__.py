"""`make bench`: studentapi and what anyone would pick instead, measured side by side."""
