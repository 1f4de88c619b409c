"""Experiments: every answer that people give, side by side; the README's figures come from here."""
