"""What the controls answer."""

from __future__ import annotations

from acc_sandbox.http.schemas import (
    ANYTHING,
    COUNT,
    FLAG,
    STAMP,
    TEXT,
    URL,
    UUID,
    ObjectSchema,
    by_name,
    choice,
    maybe,
    several,
)

SWITCHES = by_name(ANYTHING)
FAULT = ObjectSchema(
    "Fault",
    {
        **dict.fromkeys(("operation", "effect"), TEXT),
        "nth": COUNT,
        "times": maybe(COUNT),
        "seen": COUNT,
        "status": COUNT,
        "body": ANYTHING,
        "headers": by_name(TEXT),
        "size": COUNT,
        "bytes_per_second": COUNT,
    },
    optional=("status", "body", "headers", "size", "bytes_per_second"),
)
_PERSON = ObjectSchema("Person", dict.fromkeys(("key", "name", "email", "autodesk_id", "role"), TEXT))
_PROJECT = ObjectSchema("Project", {"id": UUID, "key": TEXT, "name": TEXT, "projectType": choice("ACC", "BIM360")})
STATE = ObjectSchema(
    "State",
    {
        "now": STAMP,
        "storage": URL,
        "callback_urls": several(TEXT),
        "auto_approve": FLAG,
        "people": several(_PERSON),
        "projects": several(_PROJECT),
        "faults": several(FAULT),
        "switches": SWITCHES,
    },
)
CLOCK = ObjectSchema("Clock", {"now": STAMP})
_REQUEST = ObjectSchema(
    "LoggedRequest",
    {
        "number": COUNT,
        **dict.fromkeys(("operation", "method", "path", "query"), TEXT),
        "moment": STAMP,
        "status": maybe(COUNT),
        "person": maybe(TEXT),
        "notes": several(TEXT),
        **dict.fromkeys(("body", "answer"), TEXT),
    },
)
REQUESTS = ObjectSchema("LoggedRequests", {"requests": several(_REQUEST)})
CALLBACKS = ObjectSchema("Callbacks", {"callback_urls": several(TEXT), "auto_approve": FLAG})
OPERATION_NAMES = ObjectSchema("OperationNames", {"operations": several(TEXT)})
