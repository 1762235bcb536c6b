"""Instructions for a caller's own upload: the PUT as data, and as commands to paste into a shell."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from acc.models.storage import SignedUrl
from transfers.upload.signed_urls import lifetime

URL_MINUTES: Final = 60
"""The longest life that object storage signs (fact sheet 8)."""

MAX_BYTES: Final = 5 * 1024**3
"""S3's largest single PUT."""

PLACEHOLDER: Final = "FILE"
"""Stands where the path belongs, once in each command."""


@dataclass(frozen=True, repr=False)
class CallerUpload:
    """Upload instructions for the caller: one request, or one of the commands."""

    method: str
    url: str
    headers: dict[str, str]
    command: str
    command_windows: str
    expires_at: datetime
    max_bytes: int


def caller_upload(url: SignedUrl, now: datetime) -> CallerUpload:
    """Write out how to PUT a file to a signed `url`.

    Quotes, backquotes, `$`, brackets and blanks are percent-encoded, so that the URL stays one word in any shell and
    in curl, whatever storage signed.
    """
    safe = quote(url.value, safe="%:/?#@!&()*+,;=-._~")
    # A signature may spell the placeholder; encoded, the same URL does not.
    word = safe.replace(PLACEHOLDER, "".join(f"%{ord(letter):02X}" for letter in PLACEHOLDER))
    return CallerUpload(
        method="PUT",
        url=safe,
        headers={},
        command=f"curl --fail --show-error --upload-file {PLACEHOLDER} '{word}'",
        command_windows=f'curl.exe --fail --show-error --upload-file {PLACEHOLDER} "{word}"',
        expires_at=now + timedelta(seconds=lifetime(url)),
        max_bytes=MAX_BYTES,
    )
