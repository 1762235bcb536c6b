"""Asking a person to sign in, in the words that their chat client understands.

Clients that can show a link to the person without the model in between say so (elicitation in URL mode): on the
stateless protocol the call is answered with the request and repeated by the client, on the older one it fails with an
error of its own, and a notification follows once the person has signed in. To all others the hint of an ordinary error
gives the link.
"""

import uuid
from typing import Final

from mcp import UrlElicitationRequiredError
from mcp_types import ElicitRequest, ElicitRequestURLParams, ElicitResult, InputRequiredResult

from server.mcp.client_request import ClientRequest
from tools.core.context import Services, ToolCall
from tools.core.deadline import CallDeadline
from tools.core.ports import SignInPage
from tools.core.results import ErrorBody, ErrorResult
from tools.next_steps.after_success import step

_QUESTION: Final = "sign_in"
_MESSAGE: Final = "Sign in to Autodesk in your browser, so that files can be attached in your name."


async def wait_for_sign_in(services: Services, request: ClientRequest, deadline: CallDeadline) -> None:
    """Before a call that the client repeats because the person has agreed to sign in: let them finish."""
    answer = request.input_responses.get(_QUESTION)
    if services.sign_in_page is not None and isinstance(answer, ElicitResult) and answer.action == "accept":
        await services.sign_in_page.wait(deadline.wait_seconds_left)


async def ask_to_sign_in(
    page: SignInPage, body: ErrorBody, call: ToolCall, request: ClientRequest
) -> ErrorResult | InputRequiredResult:
    """Ask in the way the client offers, and not twice in one call.

    Raises:
        UrlElicitationRequiredError: The way of the protocol version 2025-11-25.
        StorageProblem: There is no place to keep a sign-in.
        CallbackPortTaken: The link would lead to another program.
    """
    elicitation = request.capabilities.elicitation
    shows_links = elicitation is not None and elicitation.url is not None
    if shows_links and _QUESTION not in request.input_responses:
        if not request.is_stateless:
            raise await _url_elicitation_error(page, request)
        question = ElicitRequest(params=ElicitRequestURLParams(message=_MESSAGE, url=await page.link()))
        return InputRequiredResult(input_requests={_QUESTION: question})
    hint = f"Show the person this link, {page.where}: {await page.link()} When they have signed in, repeat the call."
    repeat = step(call.tool, call.arguments, "Once the person has signed in: the same call again.")
    return ErrorResult(error=body.model_copy(update={"hint": hint}), next_steps=[repeat])


async def _url_elicitation_error(page: SignInPage, request: ClientRequest) -> UrlElicitationRequiredError:
    """The error of the protocol version 2025-11-25, which may tell the client when to repeat the call."""
    id_ = uuid.uuid4().hex
    session = request.context.session

    async def complete() -> None:
        await session.send_elicit_complete(id_)

    link = await page.link(complete)
    return UrlElicitationRequiredError([ElicitRequestURLParams(message=_MESSAGE, url=link, elicitation_id=id_)])
