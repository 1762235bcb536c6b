"""Object storage: signed URLs, parts, completion, downloads (fact sheet 8)."""

from __future__ import annotations

import hashlib
import os
import re
import socket

import httpx
import pytest

PART = 5 * 1024 * 1024


@pytest.fixture
def urn(box, manager):
    return manager.attach(box.item("051200-3")).json()["uploadUrn"]


def download(who, urn, **query):
    bucket, key = urn.removeprefix("urn:adsk.objects:os.object:").split("/")
    return who("GET", f"/oss/v2/buckets/{bucket}/objects/{key}/signeds3download", params=query)


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART + 7])
def test_bytes_arrive_as_they_were_sent(box, manager, urn, storage_get, size):
    content = os.urandom(size)
    pieces = [content[start : start + PART] for start in range(0, size, PART)] or [b""]
    signed = manager.signed_urls(urn, parts=len(pieces)).json()
    # The order in which parts arrive does not matter.
    etags = [manager.put_part(url, piece) for url, piece in reversed(list(zip(signed["urls"], pieces, strict=True)))]
    answer = manager.complete(urn, uploadKey=signed["uploadKey"], size=size, eTags=etags[::-1])
    assert (answer.status_code, answer.json()["size"]) == (200, size)
    assert hashlib.sha256(box.object_bytes(urn)).digest() == hashlib.sha256(content).digest()
    signed = download(manager, urn).json()
    assert (signed["status"], signed["size"], signed["sha1"]) == ("complete", size, hashlib.sha1(content).hexdigest())
    assert storage_get(signed["url"]).content == content


def test_twenty_six_parts_are_signed_in_two_requests(box, manager, urn):
    first = manager.signed_urls(urn, parts=25).json()
    more = manager.signed_urls(urn, parts=1, firstPart=26, uploadKey=first["uploadKey"]).json()
    assert more["uploadKey"] == first["uploadKey"]
    assert len(first["urls"]) == 25
    assert httpx.URL(more["urls"][0]).params["partNumber"] == "26"
    block = bytes(PART)
    etags = [manager.put_part(url, block) for url in first["urls"]]
    etags.append(manager.put_part(more["urls"][0], b"end"))
    answer = manager.complete(urn, uploadKey=first["uploadKey"], size=25 * PART + 3, eTags=etags)
    assert answer.json()["size"] == 25 * PART + 3
    assert box.object_bytes(urn) == block * 25 + b"end"


@pytest.mark.parametrize(
    "query",
    [
        {"parts": "0"},
        {"parts": "26"},
        {"parts": "x"},
        {"firstPart": "0"},
        {"firstPart": "10001"},
        {"firstPart": "10000", "parts": "2"},
        {"minutesExpiration": "0"},
        {"minutesExpiration": "61"},
        {"useAcceleration": "perhaps"},
        {"uploadKey": "unknown"},
    ],
)
def test_a_request_for_urls_that_makes_no_sense_is_refused(manager, urn, query):
    answer = manager.signed_urls(urn, **query)
    assert (answer.status_code, list(answer.json())) == (400, ["reason"])


def test_signed_urls_exist_only_for_reserved_objects(box, manager, caller, urn):
    assert manager("GET", "/oss/v2/buckets/wip.dm.prod/objects/unknown.pdf/signeds3upload").status_code == 404
    assert manager("GET", "/oss/v2/buckets/elsewhere/objects/x.pdf/signeds3upload").status_code == 404
    assert caller("outsider").signed_urls(urn).status_code == 403


def test_details_of_an_object_are_there_once_it_is_completed(manager, urn):
    bucket, key = urn.removeprefix("urn:adsk.objects:os.object:").split("/")
    path = f"/oss/v2/buckets/{bucket}/objects/{key}/details"
    assert manager("GET", path).status_code == 404
    manager.upload(urn, b"x")
    details = manager("GET", path).json()
    assert (details["objectId"], details["size"], details["sha1"]) == (urn, 1, hashlib.sha1(b"x").hexdigest())


def test_uploading_needs_both_documented_scopes(manager, caller, urn):
    signed = manager.signed_urls(urn).json()
    for scopes in ("data:write", "data:create", "data:read data:write"):
        who = caller("manager", scopes=scopes)
        for answer in (who.signed_urls(urn), who.complete(urn, uploadKey=signed["uploadKey"])):
            assert (answer.status_code, answer.json()["errorCode"]) == (403, "AUTH-010")
    assert caller("manager", scopes="data:write data:create").signed_urls(urn).status_code == 200


def test_a_signed_url_lives_as_long_as_it_was_asked_for_and_can_be_renewed(box, manager, urn):
    signed = manager.signed_urls(urn, minutesExpiration=10).json()
    box.clock.move(599)
    assert manager.put(signed["urls"][0], b"x").status_code == 200
    box.clock.move(1)
    late = manager.put(signed["urls"][0], b"x")
    assert (late.status_code, late.headers["content-type"]) == (403, "application/xml")
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in late.text
    fresh = manager.signed_urls(urn, uploadKey=signed["uploadKey"]).json()["urls"][0]
    assert manager.put(fresh, b"y").status_code == 200
    assert manager.complete(urn, uploadKey=signed["uploadKey"]).json()["size"] == 1


def test_expiry_is_judged_before_the_body_arrives(box, manager, urn):
    url = httpx.URL(manager.signed_urls(urn).json()["urls"][0])
    box.clock.move(121)
    with socket.create_connection((url.host, url.port)) as raw:
        raw.settimeout(120)
        raw.sendall(
            f"PUT {url.raw_path.decode()} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nContent-Length: 1000000\r\n\r\n".encode()
        )
        assert raw.recv(65536).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "change", ["partNumber=2", "X-Amz-Expires=9999", "X-Amz-Signature=0", "X-Amz-Date=20200101T000000Z"]
)
def test_a_changed_url_is_refused(manager, urn, change):
    url = httpx.URL(manager.signed_urls(urn).json()["urls"][0])
    name, _, value = change.partition("=")
    answer = manager.put(str(url.copy_set_param(name, value)), b"x")
    assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)


def test_storage_refuses_what_is_not_signed_or_carries_a_token(box, manager, urn):
    url = manager.signed_urls(urn).json()["urls"][0]
    assert manager.put(url.partition("?")[0], b"x").status_code == 403
    answer = manager.put(url, b"x", Authorization=f"Bearer {box.token()}")
    assert (answer.status_code, "<Code>InvalidArgument</Code>" in answer.text) == (400, True)
    record = box.requests.last("storage.put")
    assert "authorization" in record.header_names
    assert record.notes == ["a bearer token was sent to storage"]
    assert "X-Amz-Signature=***" in record.query


def test_a_body_without_length_is_refused(manager, urn):
    url = manager.signed_urls(urn).json()["urls"][0]
    answer = manager.put(url, iter([b"x"]))
    assert (answer.status_code, "MissingContentLength" in answer.text) == (411, True)


def test_a_wrong_content_md5_is_refused(manager, urn):
    url = manager.signed_urls(urn).json()["urls"][0]
    headers = {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert manager.put(url, b"x", **headers).status_code == 400


def test_a_put_url_is_no_get_url(manager, urn, storage_get):
    assert storage_get(manager.signed_urls(urn).json()["urls"][0]).status_code == 403


def test_a_part_sent_again_replaces_the_first(box, manager, urn):
    signed = manager.signed_urls(urn).json()
    for content in (b"first", b"second"):
        manager.put(signed["urls"][0], content)
    assert manager.complete(urn, uploadKey=signed["uploadKey"]).status_code == 200
    assert box.object_bytes(urn) == b"second"


def parts_of(answer, status=400):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert (body["status"], body["reason"]) == ("error", "MissingOrInvalidParts")
    return [(part["part"], part["status"]) for part in body["parts"]]


def test_completion_says_what_is_missing_or_wrong(manager, urn):
    signed = manager.signed_urls(urn, parts=3).json()
    key = signed["uploadKey"]
    assert parts_of(manager.complete(urn, uploadKey=key)) == []
    tags = [manager.put_part(url, b"x" * size) for url, size in zip(signed["urls"], [PART, 10], strict=False)]
    assert parts_of(manager.complete(urn, uploadKey=key, size=3 * PART)) == [(1, "Ok"), (2, "Ok"), (3, "Pending")]
    assert parts_of(manager.complete(urn, uploadKey=key, eTags=["0", tags[1]])) == [(1, "Unexpected"), (2, "Ok")]
    assert parts_of(manager.complete(urn, uploadKey=key, eTags=tags[:1])) == [(1, "Ok"), (2, "Unexpected")]
    assert parts_of(manager.complete(urn, uploadKey=key, size=PART)) == [(1, "Ok"), (2, "Ok")]
    manager.put(signed["urls"][2], b"y")
    assert parts_of(manager.complete(urn, uploadKey=key)) == [(1, "Ok"), (2, "TooSmall"), (3, "Ok")]
    wrong = [tags[0], "0", "0"]
    assert parts_of(manager.complete(urn, uploadKey=key, eTags=wrong))[1] == (2, "Unexpected+TooSmall")


def test_unused_urls_do_no_harm(manager, urn):
    signed = manager.signed_urls(urn, parts=25).json()
    tag = manager.put_part(signed["urls"][0], b"x")
    assert manager.complete(urn, uploadKey=signed["uploadKey"], size=1, eTags=[tag]).status_code == 200


@pytest.mark.parametrize("written", ['"{}"', "'{}'", 'W/"{}"', " {}", "{} ", "{}-1"])
def test_an_etag_that_is_not_the_bare_hash_is_unexpected(manager, urn, written):
    signed = manager.signed_urls(urn).json()
    tag = written.format(manager.put_part(signed["urls"][0], b"x"))
    refused = manager.complete(urn, uploadKey=signed["uploadKey"], eTags=[tag])
    assert parts_of(refused) == [(1, "Unexpected")]
    shouted = manager.put_part(signed["urls"][0], b"x").upper()
    assert parts_of(manager.complete(urn, uploadKey=signed["uploadKey"], eTags=[shouted])) == [(1, "Unexpected")]


def test_a_gap_between_parts_is_found(manager, urn):
    signed = manager.signed_urls(urn, parts=3).json()
    manager.put(signed["urls"][0], bytes(PART))
    manager.put(signed["urls"][2], b"end")
    assert parts_of(manager.complete(urn, uploadKey=signed["uploadKey"])) == [(1, "Ok"), (2, "Pending"), (3, "Ok")]


def test_completion_is_possible_once_and_within_a_day(box, manager, urn):
    signed = manager.signed_urls(urn).json()
    manager.put(signed["urls"][0], b"x")
    late = manager.signed_urls(urn).json()
    manager.put(late["urls"][0], b"y")
    assert manager.complete(urn, uploadKey=signed["uploadKey"]).status_code == 200
    assert manager.complete(urn, uploadKey=signed["uploadKey"]).status_code == 400
    assert "NoSuchUpload" in manager.put(signed["urls"][0], b"z").text
    box.clock.move(86400)
    fresh = {"Authorization": f"Bearer {box.token()}"}
    path = f"/oss/v2/buckets/wip.dm.prod/objects/{urn.rpartition('/')[2]}/signeds3upload"
    assert manager("POST", path, json={"uploadKey": late["uploadKey"]}, headers=fresh).status_code == 400
    assert box.object_bytes(urn) == b"x"


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "text/plain", ""])
def test_completion_wants_its_content_type_exactly(manager, urn, content_type):
    path = f"/oss/v2/buckets/wip.dm.prod/objects/{urn.rpartition('/')[2]}/signeds3upload"
    answer = manager("POST", path, content=b'{"uploadKey":"x"}', headers={"Content-Type": content_type})
    assert (answer.status_code, "Content-Type" in answer.json()["reason"]) == (400, True)


@pytest.mark.parametrize(
    "body", ["{", "[]", "{}", '{"uploadKey":5}', '{"uploadKey":"x","size":"1"}', '{"uploadKey":"x"}']
)
def test_a_malformed_completion_is_refused(manager, urn, body):
    path = f"/oss/v2/buckets/wip.dm.prod/objects/{urn.rpartition('/')[2]}/signeds3upload"
    answer = manager("POST", path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, list(answer.json())) == (400, ["reason"])


def test_an_object_that_was_never_completed_cannot_be_downloaded(box, manager, urn):
    manager.put(manager.signed_urls(urn).json()["urls"][0], b"x")
    assert download(manager, urn).status_code == 404
    with pytest.raises(LookupError):
        box.object_bytes(urn)


def test_ranges_types_and_names_of_a_download(manager, urn, storage_get):
    manager.upload(urn, b"0123456789")
    url = download(
        manager, urn, **{"response-content-type": "text/x-test", "response-content-disposition": "inline"}
    ).json()["url"]
    whole = storage_get(url)
    assert (whole.headers["content-type"], whole.headers["content-disposition"]) == ("text/x-test", "inline")
    for asked, (status, content) in {
        "bytes=2-4": (206, b"234"),
        "bytes=8-": (206, b"89"),
        "bytes=-3": (206, b"789"),
        "bytes=5-99": (206, b"56789"),
        "bytes=0-0,2-2": (200, b"0123456789"),
        "pages=1": (200, b"0123456789"),
    }.items():
        answer = storage_get(url, Range=asked)
        assert (answer.status_code, answer.content) == (status, content), asked
    assert storage_get(url, Range="bytes=2-4").headers["content-range"] == "bytes 2-4/10"
    assert storage_get(url, Range="bytes=10-").status_code == 416
    assert storage_get(url, Authorization="Bearer x").status_code == 400


def test_a_download_that_has_not_changed_is_304(manager, urn):
    manager.upload(urn, b"x")
    path = f"/oss/v2/buckets/wip.dm.prod/objects/{urn.rpartition('/')[2]}/signeds3download"
    sha1 = hashlib.sha1(b"x").hexdigest()
    assert manager("GET", path, headers={"If-None-Match": sha1}).status_code == 304


def test_an_object_of_several_parts_is_chunked_while_it_is_assembled(box, manager, urn, storage_get):
    box.switches.assembly_delay = 5
    signed = manager.signed_urls(urn, parts=2).json()
    for url, content in zip(signed["urls"], [bytes(PART), b"end"], strict=True):
        manager.put(url, content)
    manager.complete(urn, uploadKey=signed["uploadKey"])
    chunked = download(manager, urn).json()
    assert (chunked["status"], list(chunked["urls"])) == ("chunked", [f"0-{PART - 1}", f"{PART}-{PART + 2}"])
    assert b"".join(storage_get(url).content for url in chunked["urls"].values()) == box.object_bytes(urn)
    assert download(manager, urn, **{"public-resource-fallback": "true"}).json()["status"] == "fallback"
    box.clock.move(5)
    assert download(manager, urn).json()["status"] == "complete"


def test_a_batch_gives_each_object_its_own_answer(box, manager, urn):
    key = urn.rpartition("/")[2]
    base = "/oss/v2/buckets/wip.dm.prod/objects"
    signed = manager(
        "POST", f"{base}/batchsigneds3upload", json={"requests": [{"objectKey": key}, {"objectKey": "no"}]}
    )
    results = signed.json()["results"]
    assert results["no"] == {"status": "error", "reason": "Object not found"}
    manager.put(results[key]["urls"][0], b"batch")
    requests = [{"objectKey": key, "uploadKey": results[key]["uploadKey"], "size": 5}]
    done = manager("POST", f"{base}/batchcompleteupload", json={"requests": requests}).json()["results"]
    assert (done[key]["status"], done[key]["size"]) == ("completed", 5)
    found = manager(
        "POST", f"{base}/batchsigneds3download", json={"requests": [{"objectKey": key}, {"objectKey": "no"}]}
    )
    assert [found.json()["results"][one]["status"] for one in (key, "no")] == ["complete", "error"]
    for body in ({}, {"requests": []}, {"requests": [{"objectKey": key}] * 26}, {"requests": ["x"]}, []):
        assert manager("POST", f"{base}/batchsigneds3upload", json=body).status_code == 400


def test_an_upload_that_breaks_off_leaves_nothing(box, manager, urn, storage_get):
    url = httpx.URL(manager.signed_urls(urn).json()["urls"][0])
    with socket.create_connection((url.host, url.port)) as raw:
        raw.sendall(
            f"PUT {url.raw_path.decode()} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nContent-Length: 100\r\n\r\nabc".encode()
        )
    signed = manager.signed_urls(urn).json()
    manager.put(signed["urls"][0], b"whole")
    manager.complete(urn, uploadKey=signed["uploadKey"])
    assert box.object_bytes(urn) == b"whole"


def test_a_part_above_five_gibibytes_is_refused_before_it_is_sent(manager, urn):
    url = httpx.URL(manager.signed_urls(urn).json()["urls"][0])
    head = f"PUT {url.raw_path.decode()} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nContent-Length: {5 * 1024**3 + 1}\r\n\r\n"
    with socket.create_connection((url.host, url.port)) as raw:
        raw.settimeout(120)
        raw.sendall(head.encode())
        assert raw.recv(65536).startswith(b"HTTP/1.1 400")


def test_a_download_carries_the_headers_that_the_completion_named(box, manager, urn, storage_get):
    signed = manager.signed_urls(urn).json()
    manager.put(signed["urls"][0], b"x", **{"Content-Type": "anything/at-all"})
    names = {
        "Content-Type": "application/pdf",
        "Content-Disposition": 'attachment; filename="a.pdf"',
        "Content-Encoding": "identity",
        "Cache-Control": "no-store",
    }
    path = f"/oss/v2/buckets/wip.dm.prod/objects/{urn.rpartition('/')[2]}/signeds3upload"
    headers = {f"x-ads-meta-{name}": value for name, value in names.items()}
    headers["x-ads-user-defined-metadata"] = '{"origin":"scanner"}'
    answer = manager("POST", path, json={"uploadKey": signed["uploadKey"]}, headers=headers)
    assert answer.json()["contentType"] == "application/pdf"
    found = download(manager, urn).json()
    assert found["params"] == {
        "content-type": names["Content-Type"],
        "content-disposition": names["Content-Disposition"],
    }
    served = storage_get(found["url"]).headers
    assert {name: served[name] for name in names} == names
    other = download(manager, urn, **{"response-cache-control": "max-age=5"}).json()["url"]
    assert storage_get(other).headers["cache-control"] == "max-age=5"


@pytest.mark.parametrize("metadata", ["no json", '{"a":"' + "b" * 93 + '"}'])
def test_metadata_of_ones_own_is_json_below_a_hundred_bytes(manager, urn, metadata):
    signed = manager.signed_urls(urn).json()
    manager.put(signed["urls"][0], b"x")
    path = f"/oss/v2/buckets/wip.dm.prod/objects/{urn.rpartition('/')[2]}/signeds3upload"
    headers = {"x-ads-user-defined-metadata": metadata}
    assert manager("POST", path, json={"uploadKey": signed["uploadKey"]}, headers=headers).status_code == 400
    assert manager.complete(urn, uploadKey=signed["uploadKey"]).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Modified-Since": "Mon, 02 Mar 2026 08:30:00 GMT"}, 304),
        ({"If-Modified-Since": "Mon, 02 Mar 2026 08:29:59 GMT"}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Modified-Since": "Mon, 02 Mar 2026 08:30:00 GMT", "If-None-Match": "other"}, 200),
    ],
)
def test_a_download_may_ask_for_changes_since_a_moment(manager, urn, headers, status):
    manager.upload(urn, b"x")
    path = f"/oss/v2/buckets/wip.dm.prod/objects/{urn.rpartition('/')[2]}/signeds3download"
    assert manager("GET", path, headers=headers).status_code == status


def test_a_signed_url_has_s3s_parameters_and_two_minutes(box, manager, urn):
    signed = manager.signed_urls(urn).json()
    url = httpx.URL(signed["urls"][0])
    assert re.fullmatch(r"(/[0-9a-f]{2}){4}/bucket/wip\.dm\.prod/signed-url-uploads/[0-9a-f-]{36}", url.path)
    assert (url.params["X-Amz-Expires"], url.params["X-Amz-SignedHeaders"]) == ("120", "host")
    assert (url.params["partNumber"], url.params["X-Amz-Date"]) == ("1", "20260302T083000Z")
    assert (signed["uploadExpiration"], signed["urlExpiration"]) == ("2026-03-05T00:00:00Z", "2026-03-02T08:32:10Z")
