"""What ended a run, as JSON: so that it is the same answer in another process, and a week later.

Only our own errors are written, field by field. Nothing is pickled: an exception of a library can hold a request, and
with it a bearer token or a signed URL.
"""

from dataclasses import asdict, is_dataclass
from typing import Any, Final

from acc import errors as acc_errors
from acc.errors import AccError, Facts, PartsRejected, UnexpectedAnswer, UntrustedStorageHost
from acc.models.storage import PartsReport
from auth import errors as auth_errors
from auth.errors import AuthError
from auth.storage_errors import StorageProblem
from transfers import errors as transfer_errors
from transfers.errors import TransferError

_FACTS: Final = (
    "http_status",
    "upstream_request_id",
    "upstream_code",
    "upstream_message",
    "retry_after_seconds",
    "sent",
)


class FaultOfOurs(Exception):
    """A run ended by an error that nobody outside can do anything about; the log of that process says which."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"a job ended with {kind}")
        self.kind = kind


def failure_to_json(error: BaseException) -> dict[str, Any]:
    """Return what is kept of an error; of one that is not ours, its class alone."""
    found: dict[str, Any] = {"kind": type(error).__name__}
    if isinstance(error, AccError):
        found |= {"operation": error.operation, **{name: getattr(error, name) for name in _FACTS}}
        found |= {name: getattr(error, name) for name in ("problem", "host") if hasattr(error, name)}
        if isinstance(error, PartsRejected):
            found["report"] = error.report.model_dump(mode="json", by_alias=True)
    elif isinstance(error, (TransferError, AuthError)) and is_dataclass(error):
        found["fields"] = asdict(error)
    elif isinstance(error, StorageProblem):
        found["sentence"] = str(error)
    return found


def failure_from_json(found: dict[str, Any]) -> Exception:
    """Return the error again. One that this version does not know, or that was none of ours, is a `FaultOfOurs`."""
    kind = found["kind"]
    for module, base in ((transfer_errors, TransferError), (auth_errors, AuthError)):
        known = getattr(module, kind, None)
        if isinstance(known, type) and issubclass(known, base):
            return _dataclass_error(known, found.get("fields", {}))
    known = getattr(acc_errors, kind, None)
    if isinstance(known, type) and issubclass(known, AccError):
        return _acc_error(known, found)
    if "sentence" in found:
        return StorageProblem(found["sentence"])
    return FaultOfOurs(kind)


def _dataclass_error(kind: type[Exception], fields: dict[str, Any]) -> Exception:
    # JSON knows no tuples, and these classes no lists.
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})


def _acc_error(kind: type[AccError], found: dict[str, Any]) -> AccError:
    operation = found["operation"]
    facts: Facts = {name: found[name] for name in _FACTS if name in found}  # type: ignore[assignment]  # its very keys
    if issubclass(kind, PartsRejected):
        return kind(operation, report=PartsReport.model_validate(found["report"]), **facts)
    if issubclass(kind, UnexpectedAnswer):
        return kind(operation, problem=found["problem"], **facts)
    if issubclass(kind, UntrustedStorageHost):
        return kind(operation, host=found["host"])
    return kind(operation, **facts)
