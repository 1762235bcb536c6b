"""Who a token belongs to (fact sheet 10)."""

from typing import TYPE_CHECKING

from acc import operations as op
from acc.models import UserInfo
from acc.requests import build

if TYPE_CHECKING:
    # At run time this would load httpx for everybody who only names the function.
    from acc.connection import Connection


async def userinfo(connection: "Connection") -> UserInfo:
    """The person whose token this connection sends.

    Raises:
        AccError: see `acc.errors`.
    """
    return await connection.send(build(op.USERINFO))
