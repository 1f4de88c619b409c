"""Faults made for real: flows that are cut, packets that vanish, names that move, servers that misbehave."""
