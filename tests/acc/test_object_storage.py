"""Signed uploads, and the evidence that bytes arrived."""

import json
from pathlib import Path

import httpx
import pytest

from acc.connection import AccConnection
from acc.errors import Forbidden, RequestRejected, UnexpectedAnswer, UntrustedStorageHost
from acc.hosts import AutodeskHosts
from acc.ids import ObjectLocation
from acc.object_storage import ObjectStorage, PartStored, part_answer

PAYLOADS = Path(__file__).parent.parent / "facts" / "autodesk_payloads.json"

AT = ObjectLocation("wip.dm.prod", "a9d330bc.pdf")
GOOD = "https://com-autodesk-oss-direct-upload.s3-accelerate.amazonaws.com/signed-url-uploads/1?X-Amz-Signature=SECRET"


def storage(
    connect, network, *answers: httpx.Response, hosts: AutodeskHosts | None = None, extra: set[str] | None = None
):
    connection: AccConnection = connect(network(*answers), hosts=hosts)
    return ObjectStorage(connection, extra_hosts=extra or set())


def signed(*urls: str) -> httpx.Response:
    return httpx.Response(200, json={"uploadKey": "k", "urls": list(urls)})


async def test_urls_to_known_storage_are_given_out(connect, network) -> None:
    answer = await storage(connect, network, signed(GOOD, GOOD)).upload_urls(AT, first_part=1, parts=2)

    assert [url.value for url in answer.urls] == [GOOD, GOOD]
    assert answer.upload_key == "k"


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.amazonaws.com.evil.example/x?X-Amz-Signature=SECRET",
        "http://169.254.169.254/latest/meta-data?SECRET",
        "https://user:SECRET@evil.example/x",
        "file:///etc/passwd?SECRET",
        "https://[SECRET",
        "",
    ],
)
async def test_one_url_to_anywhere_else_withholds_all(connect, network, url: str, caplog) -> None:
    with pytest.raises(UntrustedStorageHost) as caught:
        await storage(connect, network, signed(GOOD, url)).upload_urls(AT, first_part=1, parts=2)

    assert f"its host {caught.value.host!r} is not known" in caplog.text
    assert "SECRET" not in f"{caught.value} {caught.value.host} {caplog.text}"


async def test_an_extra_host_is_storage_too(connect, network) -> None:
    url = "https://storage.example.org/u"

    answer = await storage(connect, network, signed(url), extra={"storage.example.org"}).upload_urls(
        AT, first_part=1, parts=1
    )

    assert [each.value for each in answer.urls] == [url]


async def test_a_sandbox_is_its_own_storage(connect, network) -> None:
    url = "http://127.0.0.1:8789/signed-url-uploads/1"
    sandbox = AutodeskHosts.at("http://127.0.0.1:8788")

    answer = await storage(connect, network, signed(url), hosts=sandbox).upload_urls(AT, first_part=1, parts=1)

    assert [each.value for each in answer.urls] == [url]


@pytest.mark.parametrize("urls", [[], [GOOD], [GOOD] * 3])
async def test_another_number_of_urls_than_parts_is_an_unexpected_answer(connect, network, urls: list[str]) -> None:
    with pytest.raises(UnexpectedAnswer):
        await storage(connect, network, signed(*urls)).upload_urls(AT, first_part=1, parts=2)


async def test_an_object_without_completed_bytes_has_no_link(connect, network) -> None:
    missing = httpx.Response(404, json={"reason": "Object not found"})

    assert await storage(connect, network, missing).download_link(AT) is None


@pytest.mark.parametrize("status", ["complete", "chunked"])
async def test_an_object_with_bytes_has_a_link_and_a_size(connect, network, status: str) -> None:
    there = httpx.Response(200, json={"status": status, "url": GOOD, "size": 7})

    link = await storage(connect, network, there).download_link(AT)

    assert link is not None
    assert (link.status, link.size) == (status, 7)


async def test_being_kept_out_is_not_the_same_as_no_bytes(connect, network) -> None:
    with pytest.raises(Forbidden):
        await storage(connect, network, httpx.Response(403)).download_link(AT)


async def test_the_documented_completion_is_sent_from_the_etag_headers_of_its_parts(connect, network) -> None:
    """S3 quotes the hash in its header; the reference's own completion has it bare (fact sheet 8)."""
    (documented,) = [
        row["payload"]
        for row in json.loads(PAYLOADS.read_text(encoding="utf-8"))
        if row["basis"] == "reference signeds3upload-POST example 2, request: bare eTags"
    ]
    stored = [part_answer(200, {"ETag": f'"{etag}"'}, b"") for etag in documented["eTags"]]
    net = network(httpx.Response(200, json={"objectId": "urn"}))

    await ObjectStorage(connect(net)).complete(
        AT,
        upload_key=documented["uploadKey"],
        size=documented["size"],
        etags=[part.etag for part in stored if isinstance(part, PartStored)],
    )

    assert net.requests[0].content == json.dumps(documented, separators=(",", ":")).encode()


async def test_a_completion_whose_first_answer_was_lost_says_so(connect, network) -> None:
    net = network(httpx.Response(504), httpx.Response(400, json={"reason": "Upload already completed"}))

    with pytest.raises(RequestRejected) as caught:
        await ObjectStorage(connect(net)).complete(AT, upload_key="k", size=1, etags=["e"])

    assert caught.value.sent is True
    assert len(net.requests) == 2
