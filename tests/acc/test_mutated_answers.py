"""Whatever is wrong in an answer, it is read, or it ends in one of our errors; what we do not need ends nothing."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from acc import operations as op
from acc.connection import AccConnection
from acc.errors import AccError
from acc.hosts import AutodeskHosts
from acc.operations import ApiOperation, build
from acc.responses import HttpResponse, parse_answer
from acc.retry import RetryPolicy
from tests.support.mutated import ODD, mutated

FACTS = Path(__file__).parent.parent / "facts"
OPERATIONS = [one for one in vars(op).values() if isinstance(one, ApiOperation) and one.answer is not type(None)]


def documented() -> list[Any]:
    """An operation for each model of an answer, with the first answer that the fact sheet shows for it."""
    examples = json.loads((FACTS / "acc_examples.json").read_text(encoding="utf-8"))["examples"]
    found = {}
    for example in examples:
        response, request = example["response"], example["request"]
        for operation in OPERATIONS:
            path = re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(operation.path))
            same = operation.method == request["method"] and re.fullmatch(path, urlsplit(request["url"]).path)
            if same and response["status"] < 300 and isinstance(response.get("body"), dict):
                found.setdefault(operation.answer, (operation, response["body"]))
    return [pytest.param(operation, body, id=operation.name) for operation, body in found.values()]


DOCUMENTED = documented()
ANSWERS = 12_000 if settings.get_current_profile_name() == "long" else 600
"""Mutated answers in all, spread over the models."""
some = settings(max_examples=ANSWERS // len(DOCUMENTED) + 1)


def read(operation: ApiOperation[Any], body: bytes) -> Any:
    """What an operation answers to `body`, or the `AccError` that it means."""
    return parse_answer(operation, HttpResponse(200, {}, body))


def look_into(answer: Any) -> None:
    """Use everything that a model offers, and write it down and read it again as a job's row does."""
    for model in models(answer):
        for name in sorted(set(dir(type(model))) - set(dir(BaseModel))):
            if isinstance(getattr(type(model), name, None), property):
                getattr(model, name)
        json.dumps(model.model_dump(mode="json", by_alias=True), allow_nan=False)
        assert json.loads(model.model_dump_json(by_alias=True))


def models(value: Any) -> list[BaseModel]:
    if isinstance(value, BaseModel):
        return [value, *(one for name in type(value).model_fields for one in models(getattr(value, name)))]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [one for element in inside for one in models(element)]


@pytest.mark.parametrize(("operation", "document"), DOCUMENTED)
def test_a_mutated_answer_is_read_or_ends_in_one_of_our_errors(operation: ApiOperation[Any], document: Any) -> None:
    ids = dict.fromkeys(re.findall(r"\{(\w+)", operation.path), "id")
    bodies: list[bytes] = []

    async def send() -> Any:
        client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=bodies[-1])))
        async with client:
            connection = AccConnection(
                AutodeskHosts.autodesk(), Tokens(), client=client, policy=RetryPolicy(attempts=1)
            )
            return await connection.send(build(operation, ids))

    with asyncio.Runner() as runner:

        @some
        @given(body=mutated(document))
        def holds(body: bytes) -> None:
            bodies.append(body)
            try:
                answer = runner.run(send())
            except AccError as error:
                str(error).encode("utf-8")
            else:
                look_into(answer)

        holds()


class Tokens:
    """A person's token."""

    async def access_token(self) -> str:
        return "token"

    async def renewed(self, rejected: str) -> str | None:
        return None


def optional_members(answer: type[BaseModel], document: dict[str, Any]) -> list[str]:
    """The members of a documented answer without which its model can do."""
    needed = {name for name, field in answer.model_fields.items() if field.is_required()}
    needed |= {field.alias for field in answer.model_fields.values() if field.is_required() and field.alias}
    return sorted(document.keys() - needed)


@pytest.mark.parametrize(("operation", "document"), DOCUMENTED)
@some
@given(data=st.data())
def test_a_member_that_is_not_needed_never_ends_an_answer(
    operation: ApiOperation[Any], document: dict[str, Any], data: st.DataObject
) -> None:
    optional = optional_members(operation.answer, document)
    if not optional:
        return
    odd = {name: f"odd {name}" for name in data.draw(st.sets(st.sampled_from(optional), min_size=1))}
    text = json.dumps({**document, **odd})
    for name in odd.values():
        text = text.replace(json.dumps(name), data.draw(st.sampled_from(ODD[:-1])))

    look_into(read(operation, text.encode()))
