"""Elicitation: asks the user for consent by a form, and to sign in by a link, in both eras of the protocol.

On the stateless protocol a call is answered with the question and repeated by the client. For consent the answer comes
with what we sealed into it: which question that was. It is good for one answer, to the same call, about the same facts,
within ten minutes. On the older protocol the client is asked while the call waits.

Clients that can show a link without the model in between say so (elicitation in URL mode). On the older protocol the
call fails with an error of its own, and a notification follows the sign-in. All other clients get the link in the hint
of an ordinary error.
"""

import hashlib
import json
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

from mcp import MCPError, UrlElicitationRequiredError
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitRequestURLParams, ElicitResult, InputRequiredResult

from server.mcp.client_request import ClientRequest
from tools.core.consent import cannot_ask, changed
from tools.core.context import Services, ToolCall
from tools.core.policy import CallDeadline
from tools.core.ports import ConsentQuestion, SignInPage
from tools.core.results import ErrorBody, ErrorResult
from tools.next_steps.after_success import step

_CONSENT_QUESTION: Final = "make_visible"
_FORM: Final[dict[str, Any]] = {"type": "object", "properties": {}}
"""Nothing to fill in: accepting or declining is the answer."""

LIFE_SECONDS: Final = 600.0
"""Lifetime of an elicitation; as long as the SDK's seal of the state."""


class ElicitationPending(Exception):
    """Raised to end a call which the client repeats with the answer of the user whom it asks."""

    def __init__(self, question: InputRequiredResult) -> None:
        super().__init__("the client asks the person")
        self.question = question


class ElicitationStates:
    """States that go out with an elicitation and come back with its answer; each is taken once by a process.

    A state says what was asked about. Its seal shows that it is ours, this person's and not too old,
    whose key replicas share: any of them takes the answer.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: dict[str, float] = {}

    def begin(self, about: str) -> str:
        """Return the state of a new elicitation."""
        return f"{secrets.token_urlsafe(16)} {about}"

    def end(self, state: str) -> str | None:
        """Return what an elicitation was about, once; None when its answer was taken before."""
        now = self._clock()
        self._taken = {one: until for one, until in self._taken.items() if now < until}
        if state in self._taken:
            return None
        self._taken[state] = now + LIFE_SECONDS
        return state.partition(" ")[2] or None


class ElicitationConsentPrompt:
    """Consent prompt of one tool call: asks the user through the client."""

    def __init__(
        self,
        states: ElicitationStates,
        request: ClientRequest,
        tool: str,
        arguments: dict[str, Any],
        deadline: CallDeadline,
    ) -> None:
        self._deadline = deadline
        self._states = states
        self._request = request
        self._call = [tool, arguments]

    async def ask(self, summary: ConsentQuestion, person_id: str) -> bool:
        """See `tools.core.ports.ConsentPrompt`.

        Raises:
            ElicitationPending: The client has to ask, and to repeat the call.
        """
        offered = self._request.capabilities.elicitation
        # A client that names no mode means forms: there was nothing else when the capability came up.
        if offered is None or (offered.form is None and offered.url is not None):
            raise cannot_ask()
        if self._request.is_stateless:
            return self._answered(summary, person_id)
        context = self._request.context
        try:
            with self._deadline.paused():
                answer: ElicitResult = await context.session.elicit_form(
                    summary.text, _FORM, related_request_id=str(context.request_id)
                )
        except MCPError:
            raise cannot_ask() from None
        return answer.action == "accept"

    def _answered(self, summary: ConsentQuestion, person_id: str) -> bool:
        about = self._about(summary, person_id)
        answer = self._request.input_responses.get(_CONSENT_QUESTION)
        state = self._request.params.request_state
        asked = self._states.end(state) if state is not None else None
        if asked is None or not isinstance(answer, ElicitResult):
            question = ElicitRequest(params=ElicitRequestFormParams(message=summary.text, requested_schema=_FORM))
            raise ElicitationPending(
                InputRequiredResult(
                    input_requests={_CONSENT_QUESTION: question}, request_state=self._states.begin(about)
                )
            )
        if asked != about:
            raise changed()
        return answer.action == "accept"

    def _about(self, summary: ConsentQuestion, person_id: str) -> str:
        """Return what tells this person's call about these facts from every other."""
        words = json.dumps([person_id, self._call, vars(summary)], sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()


_SIGN_IN_QUESTION: Final = "sign_in"
_MESSAGE: Final = "Sign in to Autodesk in your browser, so that files can be attached in your name."


async def wait_for_sign_in(services: Services, request: ClientRequest, deadline: CallDeadline) -> None:
    """Before a call that the client repeats because the person has agreed to sign in: let them finish."""
    answer = request.input_responses.get(_SIGN_IN_QUESTION)
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
    if shows_links and _SIGN_IN_QUESTION not in request.input_responses:
        if not request.is_stateless:
            raise await _url_elicitation_error(page, request)
        question = ElicitRequest(params=ElicitRequestURLParams(message=_MESSAGE, url=await page.link()))
        return InputRequiredResult(input_requests={_SIGN_IN_QUESTION: question})
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
