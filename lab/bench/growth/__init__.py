"""How cost grows: with the data, from ten thousand attempts to ten million; with requests; with threads."""
