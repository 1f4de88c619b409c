"""`make faults`: every fault done to every answer under load, and what its clients saw."""
