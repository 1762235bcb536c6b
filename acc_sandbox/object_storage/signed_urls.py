"""Signed URLs of the storage port, in the manner of S3's query-string signatures (fact sheet 8)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

from acc_sandbox.state.clock import second_stamp

_ACCESS_KEY = "ASIASANDBOX"
_STAMP = "%Y%m%dT%H%M%SZ"

Verdict = Literal["good", "unsigned", "wrong", "expired"]


@dataclass(frozen=True)
class SignatureCheck:
    """Result of the check of a signed URL, with the times that S3 prints when it has expired."""

    verdict: Verdict
    expires_at: str = ""
    lifetime: str = ""


class UrlSigner:
    """Signs method, host, path and query with HMAC-SHA256; only the host header is signed, as S3 does here."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(
        self, method: str, origin: str, path: str, query: Mapping[str, str], *, now: datetime, seconds: int
    ) -> str:
        """A URL that is good from `now` for `seconds`, judged when a request's headers arrive."""
        moment = now.astimezone(UTC).strftime(_STAMP)
        pairs = {
            **query,
            "X-Amz-Security-Token": "SANDBOX",
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": moment,
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Expires": str(seconds),
            "X-Amz-Credential": f"{_ACCESS_KEY}/{moment[:8]}/us-east-1/s3/aws4_request",
        }
        host = origin.partition("://")[2]
        pairs["X-Amz-Signature"] = self._signature(method, host, path, pairs)
        return f"{origin}{path}?{urlencode(pairs)}"

    def judge(self, method: str, host: str, path: str, query: Mapping[str, str], *, now: datetime) -> SignatureCheck:
        """Whether a request may go on. HEAD is judged as GET."""
        given = query.get("X-Amz-Signature", "")
        signed = {name: value for name, value in query.items() if name != "X-Amz-Signature"}
        if not given or "X-Amz-Date" not in signed or "X-Amz-Expires" not in signed:
            return SignatureCheck("unsigned")
        expected = self._signature("GET" if method == "HEAD" else method, host, path, signed)
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            return SignatureCheck("wrong")
        # Only now are the times known to be our own.
        start = datetime.strptime(signed["X-Amz-Date"], _STAMP).replace(tzinfo=UTC)
        end = start + timedelta(seconds=int(signed["X-Amz-Expires"]))
        return SignatureCheck("good" if now < end else "expired", second_stamp(end), signed["X-Amz-Expires"])

    def _signature(self, method: str, host: str, path: str, query: Mapping[str, str]) -> str:
        canonical = "\n".join([method, host.lower(), path, urlencode(sorted(query.items()))])
        day = query["X-Amz-Date"][:8]
        day_key = hmac.digest(self._secret, day.encode("utf-8", "replace"), "sha256")
        return hmac.new(day_key, canonical.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
