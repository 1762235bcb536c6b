"""The closed list of error codes (design, section 5); a change of it is an entry in the change log."""

from typing import Literal, get_args

Code = Literal[
    "invalid_arguments",
    "not_signed_in",
    "reauthorization_required",
    "app_not_provisioned",
    "permission_denied",
    "project_not_found",
    "project_not_allowed",
    "project_not_supported",
    "submittal_not_found",
    "ambiguous_reference",
    "submittal_closed",
    "task_required",
    "invalid_category",
    "invalid_name",
    "file_not_found",
    "file_not_allowed",
    "file_type_not_allowed",
    "file_empty",
    "file_too_large",
    "file_changed",
    "attachment_not_found",
    "upload_incomplete",
    "upload_expired",
    "confirmation_required",
    "confirmation_declined",
    "processing_failed",
    "idempotency_conflict",
    "rate_limited",
    "upstream_unavailable",
    "upstream_rejected",
    "storage_unavailable",
    "read_only",
]
CODES: tuple[Code, ...] = get_args(Code)
