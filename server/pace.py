"""How a process keeps under Autodesk's limits, by what the settings say and by who waits for it."""

from typing import TYPE_CHECKING, Final

from acc.retry import RetryPolicy
from server.settings.model import Settings

if TYPE_CHECKING:
    from acc.rate_limiter import RateLimiter
    from transfers.jobs.repository import JobRepository

PATIENT: Final = RetryPolicy(attempts=8, retry_after_cap=300, deadline=900)
"""Where nobody in a chat waits: a pause that Autodesk asks for is waited out, and a short outage survived."""

PATIENT_SECONDS: Final = 600.0


def pace_of(settings: Settings, repository: "JobRepository", *, patient: bool) -> "RateLimiter | None":
    """Return what lets requests go.

    On PostgreSQL all processes share their buckets. On SQLite, one person's, a `patient` process has its own, and a
    chat has none: it stays far below the limits, and a 429 is waited out like every other.
    """
    if settings.database_url is None and not patient:
        return None
    from acc.rate_limit_store import SharedBudgets
    from acc.rate_limiter import PATIENCE_SECONDS, InMemoryTokenBuckets, RateLimiter

    budgets = SharedBudgets(repository.budget) if settings.database_url is not None else InMemoryTokenBuckets()
    return RateLimiter(budgets, patience=PATIENT_SECONDS if patient else PATIENCE_SECONDS)
