"""Loading whole data sets from files: all of a folder, or nothing of it."""
