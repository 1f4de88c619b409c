"""The command `studentapi`."""
