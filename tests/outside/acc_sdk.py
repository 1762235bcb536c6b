"""What `adsk-platform-acc` reads and writes of Submittals in a sandbox, call by call, the package as it comes.

    python acc_sdk.py '{"url", "token", "project", "item"}'

Prints {"<call>": what came back, or {"error": …}}. Its generated code knows no other host than Autodesk's, so the HTTP
client that it lets one hand in sends the requests on to the sandbox.
"""

import asyncio
import json
import sys

import httpx
from autodesk_acc import ACCClient
from autodesk_acc.generated_code.construction.submittals.v2.projects.item.items.item.attachments import (
    attachments_post_request_body as attachments,
)
from autodesk_acc.generated_code.construction.submittals.v2.projects.item.items.item.attachments import (
    attachments_post_request_body_urn_type_id as urn_types,
)

ASKED = json.loads(sys.argv[1])


class ToSandbox(httpx.AsyncHTTPTransport):
    """Sends what is meant for Autodesk's host to the sandbox."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sandbox = httpx.URL(ASKED["url"])
        request.url = request.url.copy_with(scheme=sandbox.scheme, host=sandbox.host, port=sandbox.port)
        request.headers["Host"] = sandbox.netloc.decode()
        return await super().handle_async_request(request)


async def token() -> str:
    return str(ASKED["token"])


async def main() -> None:
    async with httpx.AsyncClient(transport=ToSandbox()) as http:
        project = ACCClient(token, http_client=http).submittals.projects.by_project_id(ASKED["project"])
        item = project.items.by_item_id(ASKED["item"])
        body = attachments.AttachmentsPostRequestBody(
            name="acc-sdk.pdf", urn_type_id=urn_types.AttachmentsPostRequestBody_urnTypeId("2")
        )
        calls = {
            "items.get": project.items.get,
            "items[].get": item.get,
            "items[].attachments.get": item.attachments.get,
            "items[].attachments.post": lambda: item.attachments.post(body),
            "items[].steps.get": item.steps.get,
            "items[].revisions.get": item.revisions.get,
            "metadata.get": project.metadata.get,
            "users.me.get": project.users.me.get,
            "specs.get": project.specs.get,
            "packages.get": project.packages.get,
            "responses.get": project.responses.get,
            "itemTypes.get": project.item_types.get,
            "settings.mappings.get": project.settings.mappings.get,
        }
        found = {}
        for name, call in calls.items():
            try:
                answer = await call()
                rows = getattr(answer, "results", None)
                found[name] = {"rows": len(rows)} if rows is not None else {"id": str(answer.id)}
            except Exception as error:  # noqa: BLE001  # each call is told for itself
                found[name] = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(found))


asyncio.run(main())
