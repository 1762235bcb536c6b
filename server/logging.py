"""Logging: one pipeline to stderr for our own lines and for those of every library.

stdout belongs to the protocol, so nothing is ever logged there. `configure` comes before the MCP server is built: the
SDK installs a handler of its own when the root logger has none.
"""

import io
import logging
import sys
import threading
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from server.redaction import LogRedactor
from server.settings.types import LogFormat, LogLevel
from tools.core.text_sanitizer import visible

_TALKATIVE: Final = ("httpx", "httpcore", "httpx2", "httpcore2")
"""HTTP libraries that log whole signed URLs at `info`; only their warnings are kept."""

QUEUED_LINES: Final = 2000
"""Log lines that wait for a reader of stderr; what comes on top is dropped and counted."""

FLUSH_SECONDS: Final = 0.2
"""Shutdown timeout for queued log lines."""

log = structlog.get_logger()


def configure(
    level: LogLevel,
    log_format: LogFormat | None = None,
    *,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    queued: bool = False,
) -> None:
    """Send every log line of this process to `stream` (stderr), redacted, and with nothing that a reader cannot see.

    Args:
        level: The least serious line that is written.
        log_format: How a line looks; left out, `console` on a terminal and `json` elsewhere.
        secrets: Values that are masked wherever they stand, beside all that looks like a secret.
        stream: Where the lines go instead of stderr.
        queued: Lines are written by a thread of their own, so that a reader who stops reading blocks no caller.
    """
    # A process can be started without stderr; then no one reads the log.
    stream = stream or sys.stderr or io.StringIO()
    redaction = LogRedactor(secrets, _visible_lines)

    def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        shown = redaction.mapping(event)
        return {**shown, "event": visible(str(shown.get("event", "")))}

    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = QueuedStreamHandler(stream) if queued else logging.StreamHandler(stream)
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


def _visible_lines(text: str) -> str:
    """Return a text with all but its line ends visible: a traceback has some."""
    return "\n".join(map(visible, text.split("\n")))


class QueuedStreamHandler(logging.Handler):
    """Writes log lines from a thread of its own, by way of a bounded queue.

    A client that starts a server and never reads its stderr fills the pipe, and the next write blocks. Here that stops
    the thread alone: lines wait, then are dropped, and their number is logged once lines flow again.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._changed = threading.Condition()
        self._writing = False
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line, or count it where the queue is full."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - as in logging's own handlers
            self.handleError(record)
            return
        with self._changed:
            if len(self._lines) >= QUEUED_LINES:
                self._dropped += 1
                return
            self._lines.append(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_lines, name="log", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all is written, but for `FLUSH_SECONDS` at most: the reader may be gone."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines and not self._writing, FLUSH_SECONDS)

    def _write_lines(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._lines))
                line = self._lines.popleft()
                self._writing = True
                dropped, self._dropped = (self._dropped, 0) if not self._lines else (0, self._dropped)
            try:
                self._stream.write(f"{line}\n")
                if dropped:
                    self._stream.write(f"{self._about(dropped)}\n")
                self._stream.flush()
            except (OSError, ValueError):
                return  # the reader is gone, and with it the only place to say so

    def _about(self, dropped: int) -> str:
        return self.format(
            logging.makeLogRecord(
                {
                    "name": __name__,
                    "levelno": logging.WARNING,
                    "levelname": "WARNING",
                    "msg": f"log_lines_dropped: {dropped}, for stderr was not read",
                }
            )
        )


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
