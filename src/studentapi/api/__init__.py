"""HTTP: validate, call the gradebook, answer. One module for each kind of resource; the rest is shared."""
