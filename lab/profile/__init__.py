"""Where a request's time goes, in studentapi and in whom it is held to: the command behind `make profile`."""
