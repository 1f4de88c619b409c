"""What a private server fails with."""


class ServerError(Exception):
    """The private server cannot be found, prepared or started; the message says why and what to do."""
