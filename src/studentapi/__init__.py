"""Students' assessment data from MySQL, over connections that survive."""

__version__ = "0.1.0"
