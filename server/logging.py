"""Logging: one pipeline to stderr for our own lines and for those of every library.

stdout belongs to the protocol, so nothing is ever logged there. `configure` comes before the MCP server is built: the
SDK installs a handler of its own when the root logger has none.
"""

import logging
import sys
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from server.redaction import LogRedactor
from server.settings.types import LogFormat, LogLevel

_TALKATIVE: Final = ("httpx", "httpcore", "httpx2", "httpcore2")
"""HTTP libraries that log whole signed URLs at `info`; only their warnings are kept."""

log = structlog.get_logger()


def configure(
    level: LogLevel,
    log_format: LogFormat | None = None,
    *,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send every log line of this process to `stream` (stderr), redacted.

    Args:
        level: The least serious line that is written.
        log_format: How a line looks; left out, `console` on a terminal and `json` elsewhere.
        secrets: Values that are masked wherever they stand, beside all that looks like a secret.
        stream: Where the lines go instead of stderr.
    """
    stream = stream or sys.stderr
    redaction = LogRedactor(secrets)

    def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return redaction.mapping(event)

    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Tracebacks become text before redaction, so that no exception's words go past it.
                structlog.processors.format_exc_info,
                redact,
                _renderer(log_format or ("console" if stream.isatty() else "json"), colors=stream.isatty()),
            ],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    _install_root_handler(handler, level)


def _renderer(log_format: LogFormat, *, colors: bool) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    # The default formatter of tracebacks shows local variables, tokens among them.
    return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)


def _install_root_handler(handler: logging.Handler, level: LogLevel) -> None:
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
    # What logging says about a line that it could not write holds the line's arguments, unredacted.
    logging.raiseExceptions = False
    threading.excepthook = _log_thread_failure


def _log_thread_failure(failure: threading.ExceptHookArgs) -> None:
    value: BaseException = failure.exc_value or failure.exc_type()
    exc_info: tuple[type[BaseException], BaseException, TracebackType | None]
    exc_info = (failure.exc_type, value, failure.exc_traceback)
    log.error("thread_failed", thread=failure.thread.name if failure.thread else None, exc_info=exc_info)
