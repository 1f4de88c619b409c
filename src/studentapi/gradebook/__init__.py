"""The domain: each function is its SQL and the rows it makes. Knows no HTTP."""
