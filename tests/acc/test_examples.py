"""Every documented answer parses into what its operation promises. Requests: `tests/wire`. Signing in: `tests/auth`."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from acc import operations as op
from acc.errors import (
    AccError,
    ApiNotGranted,
    MissingScope,
    RateLimited,
    RequestRejected,
    StorageExpired,
    Unauthorized,
)
from acc.models.files import SignedUrl
from acc.object_storage import part_answer
from acc.operations import ApiOperation
from acc.responses import HttpResponse, error_from_response, parse_answer
from tests.wire.examples import DOCUMENTED, response_of
from tests.wire.requests import ACC_REQUESTS

OPERATIONS: dict[str, ApiOperation[Any]] = {
    **{name: request.operation for name, request in ACC_REQUESTS.items() if name in DOCUMENTED},
    "oss.error": op.UPLOAD_URLS,
    "dm.hubs.not_provisioned": op.HUBS,
}
"""The operation that each documented answer belongs to; the last two answer what the client would not ask."""

FAILURES: dict[str, type[AccError]] = {
    **{name: request.fails for name, request in ACC_REQUESTS.items() if request.fails is not None},
    "oss.error": RequestRejected,
}

UNUSED = {
    *(f"submittals.items.{name}" for name in ("create.manager_sbc1", "create.user_mgr1", "patch", "revisions")),
    *(f"submittals.items.{name}-custom-identifier" for name in ("next", "validate")),
    *(f"submittals.{name}.get" for name in ("steps", "tasks", "item-types", "responses", "specs", "packages")),
    *(f"submittals.mappings.{name}" for name in ("list", "create", "delete")),
    *(f"submittals.{name}" for name in ("templates", "specs.create", "metadata", "packages")),
    *(f"submittals.{name}" for name in ("change-sequence-type", "async-jobs.get")),
    *("oss.batchsigneds3upload", "oss.batchcompleteupload", "dm.folderSearch", "dm.item.tip", "dm.item.versions"),
}
"""Documented operations that no tool needs; the sandbox has them."""

GATEWAY: dict[str, type[AccError]] = {
    "gateway.401": Unauthorized,
    "gateway.403.scope": MissingScope,
    "gateway.403.app": ApiNotGranted,
    "gateway.429": RateLimited,
}

PARTS = {"s3.put", "s3.put.expired"}


def answer_of(name: str) -> HttpResponse:
    """The example's answer."""
    response = response_of(name)
    content = response.get("body")
    return HttpResponse(
        response["status"], response.get("headers") or {}, b"" if content is None else json.dumps(content).encode()
    )


def test_no_example_is_forgotten() -> None:
    ours = {name for name in DOCUMENTED if not name.startswith("auth.")} | {"auth.userinfo"}

    assert sorted([*OPERATIONS, *UNUSED, *GATEWAY, *PARTS]) == sorted(ours)


@pytest.mark.parametrize("name", sorted({*OPERATIONS} - {*FAILURES}))
def test_an_answer_parses_and_loses_nothing(name: str) -> None:
    answer = answer_of(name)

    parsed = parse_answer(OPERATIONS[name], answer)

    dumped = TypeAdapter(Any).dump_python(parsed, by_alias=True, mode="json")
    assert lost(json.loads(answer.body) if answer.body else None, dumped) == []


@pytest.mark.parametrize("name", sorted(FAILURES))
def test_an_answer_of_failure_is_the_error_it_means(name: str) -> None:
    answer = answer_of(name)

    with pytest.raises(FAILURES[name]) as caught:
        parse_answer(OPERATIONS[name], answer)

    assert type(caught.value) is FAILURES[name]
    assert caught.value.http_status == answer.status
    assert caught.value.upstream_message


@pytest.mark.parametrize("name", GATEWAY)
def test_an_answer_of_the_gateway_is_the_error_it_means(name: str) -> None:
    answer = answer_of(name)
    body = DOCUMENTED[name]["response"]["body"]

    error = error_from_response("submittals.items.get", answer.status, answer.headers, answer.body)

    assert type(error) is GATEWAY[name]
    assert error.upstream_message == body["developerMessage"]
    assert error.upstream_code == body.get("errorCode")
    assert error.retry_after_seconds == (30.0 if name == "gateway.429" else None)


def test_an_expired_part_url_is_told_from_the_example() -> None:
    response = DOCUMENTED["s3.put.expired"]["response"]

    error = part_answer(response["status"], {}, response["body"].encode())

    assert type(error) is StorageExpired
    assert (error.upstream_code, error.upstream_message) == ("AccessDenied", "Request has expired")


def test_reading_needs_data_read_and_writing_data_write() -> None:
    for operation in OPERATIONS.values():
        if operation.name.startswith("submittals."):
            assert operation.scope == ("data:read" if operation.method == "GET" else "data:write"), operation.name


def test_the_only_posts_that_are_repeated_after_a_doubt_create_nothing() -> None:
    operations = [value for value in vars(op).values() if isinstance(value, ApiOperation)]

    repeated = {operation.name for operation in operations if operation.method == "POST" and operation.idempotent}

    assert repeated == {"oss.signeds3upload.complete"}


def lost(shown: Any, kept: Any, place: str = "") -> list[str]:
    """Where the model lacks a field or value of the answer. A time may be written otherwise, a null be empty.

    Signed URLs are dumped without their query; that the models keep it is tested in test_models.
    """
    if isinstance(shown, dict) and isinstance(kept, dict):
        found: list[str] = []
        for key, value in shown.items():
            found += lost(value, kept[key], f"{place}.{key}") if key in kept else [f"{place}.{key}"]
        return found
    if isinstance(shown, list) and isinstance(kept, list) and len(shown) == len(kept):
        return [line for index, value in enumerate(shown) for line in lost(value, kept[index], f"{place}[{index}]")]
    same = shown == kept or (shown is None and not kept)
    same = same or (isinstance(shown, str) and (is_same_time(shown, kept) or kept == str(SignedUrl(shown))))
    return [] if same else [f"{place}: {shown!r} became {kept!r}"]


def is_same_time(shown: str, kept: Any) -> bool:
    digits = shown.replace(" ", "T").removesuffix("+00:00").removesuffix("Z")
    return len(digits) >= 10 and digits[:4].isdigit() and isinstance(kept, str) and kept.removesuffix("Z") == digits
