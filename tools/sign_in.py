"""The tool `sign_in`: who is signed in."""

from tools.core.arguments import ToolArguments
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.results import Person, SignInResult
from tools.next_steps.after_success import after_sign_in


class SignInArguments(ToolArguments):
    """There are none."""


async def sign_in(services: Services, _call: ToolCall, _arguments: SignInArguments) -> SignInResult:
    """Return who is signed in.

    Raises:
        NotSignedIn: The hint says how to sign in.
    """
    who = await services.acc.userinfo()
    return SignInResult(
        person=Person(id=who.sub, name=who.name, email=who.email),
        autodesk=services.acc.hosts.api,
        next_steps=after_sign_in(),
    )


DEFINITION = ToolDefinition(
    name="sign_in",
    title="Sign in to Autodesk",
    description=(
        'Sign in (log in) to Autodesk, or tell which account is signed in. For "log me in" or "who am I in ACC?".'
    ),
    search_hint="sign in login authenticate connect Autodesk ACC account who am I whoami",
    arguments=SignInArguments,
    results=(SignInResult,),
    writes=False,
    idempotent=True,
    run=sign_in,
)
