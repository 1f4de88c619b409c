"""MySQL and MariaDB connections that survive: one per thread, kept, checked, and replaced in time.

Knows no web framework and no table. What the rest of a project needs is `Database` (`database.py`) and the
exceptions of `errors.py`.
"""
