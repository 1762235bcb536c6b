"""Who a token belongs to: read from whatever /userinfo sends, as long as it names them."""

import json
from collections.abc import Mapping

import pytest

from auth.errors import SignInFailed
from auth.oauth import AuthServer, OAuthApp, TokenEndpoint, UserProfile

HOST = "https://autodesk.example"


class Answering:
    """An Autodesk that answers every question alike."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, self.body

    async def post(self, url: str, headers: Mapping[str, str], body: str) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, self.body


async def person(body: bytes) -> UserProfile:
    return await TokenEndpoint(Answering(body), AuthServer(HOST, HOST), OAuthApp("client", "")).userinfo("token")


@pytest.mark.parametrize(
    ("members", "name", "email"),
    [
        ({}, "", None),
        ({"name": None, "email": None}, "", None),
        ({"name": ["First"], "email": {"work": "a@b.c"}}, "", None),
        ({"name": 7, "email": ""}, "", None),
        ({"name": "First\u0000 Last\u202e", "email": "a@b.c\n"}, "First Last", "a@b.c"),
        ({"name": "First", "locale": {"x": 1}, "updated_at": "never", "email_verified": "perhaps"}, "First", None),
    ],
)
async def test_a_person_is_known_by_their_id_whatever_else_is_said_of_them(
    members: dict[str, object], name: str, email: str | None
) -> None:
    assert await person(json.dumps({"sub": "ABCDEFGH", **members}).encode()) == UserProfile(
        sub="ABCDEFGH", name=name, email=email
    )


@pytest.mark.parametrize("sub", [None, "", 7, ["A"], "A\u0000B", "A\nB", "A B"])
async def test_userinfo_without_an_id_is_unreadable(sub: object) -> None:
    with pytest.raises(SignInFailed, match="something that is no answer"):
        await person(json.dumps({"sub": sub, "name": "First"}).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"sub": NaN}', b'{"sub": "\\ud800"}', b"[" * 9999, b"<html></html>"])
async def test_an_answer_that_is_no_person_is_one_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(SignInFailed, match="something that is no answer"):
        await person(body)
