"""What is taken out of log lines. A canary stands for a secret: wherever it is put, it must not come out."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.redaction import MASK, LogRedactor

REDACTION = LogRedactor()

# Three letters that no surrounding text has, so that a secret is recognised however it was cut.
canaries = st.text(alphabet=string.ascii_letters + string.digits + "-_", min_size=20, max_size=60).map("QZJ".__add__)
jwts = st.builds(
    "eyJ{}.eyJ{}.{}".format,
    st.text(string.ascii_letters, min_size=10),
    canaries,
    st.text(string.ascii_letters, min_size=10),
)

NAMES = [
    "Authorization",
    "authorization",
    "Proxy-Authorization",
    "Cookie",
    "Set-Cookie",
    "access_token",
    "refresh_token",
    "accessToken",
    "refreshToken",
    "id_token",
    "token",
    "code",
    "code_verifier",
    "codeVerifier",
    "client_secret",
    "clientSecret",
    "client_assertion",
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "Signature",
    "password",
    "http_secret",
    "private_key",
    "signed_url",
    "signedUrls",
]
TEXTS = [
    "Authorization: Bearer {}",
    "authorization: {}",
    "Authorization=Basic {}",
    "headers: {{'Authorization': 'Bearer {}', 'Accept': '*/*'}}",
    "[(b'authorization', b'Bearer {}'), (b'accept', b'*/*')]",
    "[('Authorization', '{}')]",
    "sent bearer {}",
    'HTTP 400 {{"error": "invalid_grant", "refresh_token": "{}"}}',
    "{{'access_token':'{}','expires_in':3600}}",
    "grant_type=authorization_code&code={}&code_verifier=x",
    "grant_type=refresh_token&refresh_token={}&scope=data%3Aread",
    "GET /callback?state=1&code={} HTTP/1.1",
    "PUT https://bucket.s3-accelerate.amazonaws.com/k?X-Amz-Expires=60&X-Amz-Signature={}&partNumber=1",
    "url='https://bucket.s3.amazonaws.com/k?AWSAccessKeyId=A&Signature={}'",
    "https://cdn.example.com/f?Expires=1&token={}#x",
    "proxy http://user:{}@proxy.example.com:3128 refused",
    "Token(access_token='{}', kind='user')",
    "Set-Cookie: session={}; HttpOnly",
]

nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("template", TEXTS)
@given(canary=canaries, before=st.text(max_size=20), after=st.text(max_size=20))
@settings(max_examples=20, deadline=None)
def test_a_secret_never_survives_in_text(template, canary, before, after):
    text = f"{before} {template.format(canary)} {after}"
    assert canary not in REDACTION.text(text)


@settings(deadline=None)
@given(jwt=jwts, around=st.sampled_from(["{}", "token {} expired", "'{}'", "/path/{}", "x={}", "({})"]))
def test_a_json_web_token_never_survives_wherever_it_stands(jwt, around):
    assert REDACTION.text(around.format(jwt)) == around.format(MASK)


@settings(deadline=None)
@given(canary=canaries, name=st.sampled_from(NAMES), beside=nested, wrap=st.lists(st.sampled_from("lmpt"), max_size=5))
def test_a_secret_never_survives_under_its_name_in_any_nesting(canary, name, beside, wrap):
    value: object = {name: canary, "beside": beside}
    for shape in wrap:
        value = {
            "l": [value, beside],
            "m": {"inner": value},
            "p": (("Accept", "*/*"), (name, canary), (name.encode(), canary), value),
            "t": (beside, value),
        }[shape]
    assert canary not in repr(REDACTION.mapping({"event": "sent", "what": value}))


@settings(deadline=None)
@given(canary=canaries, text=st.text(max_size=50))
def test_a_known_secret_never_survives_though_nothing_names_it(canary, text):
    assert canary not in LogRedactor([canary]).text(f"{text}{canary}{text}")


@settings(deadline=None)
@given(canary=canaries)
def test_of_two_known_secrets_the_longer_goes_whole_though_it_begins_with_the_other(canary):
    assert LogRedactor([canary, f"{canary}+tail"]).text(f"<{canary}+tail>") == f"<{MASK}>"


@settings(deadline=None)
@given(text=st.text(max_size=200))
def test_redacting_twice_is_redacting_once(text):
    once = REDACTION.text(text)
    assert REDACTION.text(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "sent part 3 of 26 in 1.2 s",
        "GET https://developer.api.autodesk.com/construction/submittals/v2/projects/1/items?limit=20&offset=40 200",
        "invalid code: 404",
        "decode=fast barcode=12",
        "the author of the token",
    ],
)
def test_ordinary_lines_stay_as_they_are(text):
    assert REDACTION.text(text) == text


def test_the_rest_of_a_line_stays_readable():
    assert REDACTION.text("PUT https://b.s3.amazonaws.com/k?X-Amz-Signature=abc&partNumber=2 answered 403") == (
        f"PUT https://b.s3.amazonaws.com/k?X-Amz-Signature={MASK}&partNumber=2 answered 403"
    )


def test_plain_data_keeps_its_shape_and_bytes_are_never_shown():
    event = {
        "event": "sent",
        "part": 3,
        "seconds": 1.5,
        "last": False,
        "etag": None,
        "hosts": ("a", "b"),
        "body": b"%PDF-1.7 of a person",
        "token": None,
    }
    assert REDACTION.mapping(event) == event | {"hosts": ["a", "b"], "body": "[20 bytes]"}


def test_an_object_is_shown_by_its_redacted_repr():
    assert REDACTION.value(ValueError("Bearer abcdefgh")) == f"ValueError('Bearer {MASK}')"


def test_data_that_holds_itself_comes_to_an_end():
    endless: list[object] = []
    endless.append(endless)
    assert "…" in repr(REDACTION.value(endless))


@pytest.mark.parametrize(
    "text", ["a-" * 100_000, "eyJ-" * 20_000, "authorization" * 20_000, "http://" * 30_000, '"' * 200_000]
)
def test_a_hostile_line_of_text_is_still_redacted(text):
    """Quadratic time would hold this for minutes."""
    assert REDACTION.text(f"{text} Bearer abcdefgh").endswith(MASK)
