"""Errors in rows: each has a kind that outlives the name of its class."""

import inspect

import pytest

from acc import errors as acc_errors
from acc.errors import AccError
from auth import errors as auth_errors
from auth.errors import AuthError
from transfers import errors as transfer_errors
from transfers.errors import FileChanged, TransferError
from transfers.jobs.serialization import KINDS, InternalJobError, failure_from_json, failure_to_json


def test_every_error_of_ours_has_a_kind_of_its_own() -> None:
    ours = {
        found
        for module, base in ((acc_errors, AccError), (auth_errors, AuthError), (transfer_errors, TransferError))
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, base)
    }
    assert set(KINDS.values()) == ours
    assert len(KINDS) == len(ours)


@pytest.mark.parametrize("kind", ["file_changed", "FileChanged"])
def test_a_kind_and_the_class_name_of_old_are_read_alike(kind: str) -> None:
    error = failure_from_json(failure_to_json(FileChanged("a.pdf")) | {"kind": kind})
    assert isinstance(error, FileChanged)
    assert error.path == "a.pdf"


@pytest.mark.parametrize("found", [{"kind": "ZeroDivisionError"}, {"kind": "rate_limited"}, {"kind": None}, {}])
def test_an_unknown_or_unreadable_job_error_is_an_internal_error(found: dict[str, str]) -> None:
    assert isinstance(failure_from_json(found), InternalJobError)
