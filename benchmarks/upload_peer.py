"""The peer in `upload.py`: `upload_attachment` of autodesk-platform-sdk, in a Python of its own (3.12 or later).

    PYTHON benchmarks/upload_peer.py ORIGIN SMALL FILE     prints one run's figures as JSON

It is run by `--peer-python`, and imports nothing of this program.
"""

import json
import sys
from pathlib import Path

from autodesk_platform_sdk import Client
from meter import Meter

UUID = "00000000-0000-4000-8000-000000000001"


def main(origin: str, *files: str) -> None:
    """Attach a small file and then the one that is timed, with one client."""
    client, meter = Client(client_id="bench", access_token="bench", base_url=origin), Meter()
    for file in files:
        meter.start()
        client.submittals.upload_attachment(UUID, UUID, Path(file).name, Path(file).read_bytes())
        meter.stop()
    print(json.dumps(meter.figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
