"""What the MCPB bundle starts: the server, as the client's form says.

The form gives a switch and any number of folders as arguments: `launch.py true` or `launch.py false /a /b`.
"""

import sys
from collections.abc import Sequence


def server_arguments(chosen: Sequence[str]) -> list[str]:
    """Return the arguments of `submittal-mcp` for the switch and the folders of the form."""
    sandbox, *folders = chosen
    # A client that leaves an empty list of folders unexpanded passes its placeholder on.
    named = [folder for folder in folders if folder and not folder.startswith("${")]
    return ["serve", "--sandbox"] if sandbox == "true" else ["serve", "--", *named]


if __name__ == "__main__":
    from server.cli.main import main

    sys.argv[1:] = server_arguments(sys.argv[1:])
    main()
