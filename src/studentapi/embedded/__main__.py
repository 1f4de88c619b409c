"""`python -m studentapi.embedded`: name the server that would be used; status 1 when there is none."""

import sys

from studentapi.embedded.binary import find_server
from studentapi.embedded.errors import ServerError

if __name__ == "__main__":
    try:
        binary = find_server()
    except ServerError as problem:
        sys.exit(str(problem))
    if binary is None:
        sys.exit(1)
    sys.stdout.write(f"{binary}\n")
