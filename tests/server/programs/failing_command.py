"""The command line with one more command, which has a fault of ours in it: `failing_command.py fail`.

The fault's words, its cause, its note and the variables around it hold what the environment holds in CANARY_….
"""

import os
import sys

from server.cli import main as cli
from server.cli.errors import command_context


@cli.app.command()
def fail() -> None:
    """Fail as a programming mistake would."""
    token, refresh, signature = (os.environ[name] for name in ("CANARY_TOKEN", "CANARY_REFRESH", "CANARY_SIGNATURE"))
    with command_context(allow_base_url=False) as settings:
        secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
        try:
            raise LookupError(f"Authorization: Bearer {token}")
        except LookupError as cause:
            cause.add_note(f"https://storage.example/part?X-Amz-Signature={signature}&partNumber=1")
            raise RuntimeError({"refresh_token": refresh, "client": secret}, (b"authorization", token)) from cause


cli.main()
sys.exit("a fault went by in silence")
