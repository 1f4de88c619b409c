"""The domain: each function is its SQL and the rows it makes. Knows no HTTP."""

SESSION = ("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",)
"""What a connection of the gradebook begins with.

What is read after a lock is what is committed now; and a row that is looked for in vain locks no gap, which would
have writers of different rows wait for each other.
"""
