"""Consent of a person by a form of their chat client, in both eras of the protocol.

On the stateless protocol the call is answered with the form and repeated by the client, with the person's answer and
with what we sealed into it: which question that was. It is good for one answer, to the same call, about the same
facts, within ten minutes. On the older protocol the client is asked while the call waits.
"""

import hashlib
import json
from typing import Any, Final

from mcp import MCPError
from mcp.server.mcpserver import Context
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from server.mcp.pending_elicitations import PendingElicitations
from tools.consent import cannot_ask, changed
from tools.ports import ConsentSummary

_QUESTION: Final = "make_visible"
_FORM: Final[dict[str, Any]] = {"type": "object", "properties": {}}
"""Nothing to fill in: accepting or declining is the answer."""


class ElicitationPending(Exception):
    """The call ends here: the client asks the person, and repeats it with the answer."""

    def __init__(self, question: InputRequiredResult) -> None:
        super().__init__("the client asks the person")
        self.question = question


class ElicitationConsentPrompt:
    """The way to the person behind one call of a tool."""

    def __init__(
        self, questions: PendingElicitations, context: Context[Any, Any], tool: str, arguments: dict[str, Any]
    ) -> None:
        self._questions = questions
        self._context = context
        self._call = [tool, arguments]

    async def agrees(self, showing: ConsentSummary) -> bool:
        """See `tools.ports.ConsentPrompt`.

        Raises:
            ElicitationPending: The client has to ask, and to repeat the call.
        """
        offered = self._context.client_capabilities
        elicitation = offered.elicitation if offered is not None else None
        # A client that names no mode means forms: there was nothing else when the capability came up.
        if elicitation is None or (elicitation.form is None and elicitation.url is not None):
            raise cannot_ask()
        if self._context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return self._answered(showing)
        try:
            answer: ElicitResult = await self._context.session.elicit_form(
                showing.text, _FORM, related_request_id=self._context.request_id
            )
        except MCPError:
            raise cannot_ask() from None
        return answer.action == "accept"

    def _answered(self, showing: ConsentSummary) -> bool:
        about = self._about(showing)
        answer = (self._context.input_responses or {}).get(_QUESTION)
        state = self._context.request_state
        asked = self._questions.end(state) if state is not None else None
        if asked is None or not isinstance(answer, ElicitResult):
            question = ElicitRequest(params=ElicitRequestFormParams(message=showing.text, requested_schema=_FORM))
            raise ElicitationPending(
                InputRequiredResult(input_requests={_QUESTION: question}, request_state=self._questions.begin(about))
            )
        if asked != about:
            raise changed()
        return answer.action == "accept"

    def _about(self, showing: ConsentSummary) -> str:
        """Return what tells this call about these facts from every other."""
        words = json.dumps([self._call, vars(showing)], sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()
