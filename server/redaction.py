"""Redaction of log lines: masks tokens, authorization headers, OAuth codes and the queries of signed URLs.

Pure functions, run on every log line. They rather take too much: bytes are never shown (they may be a
person's file), an object that is not plain data is shown by its redacted `repr`, and a field named `code` is taken for
an OAuth code (log an error's code as `error_code`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Final

MASK: Final = "[redacted]"

_DEEPEST: Final = 8
_SHORTEST_KNOWN: Final = 8

# Repetitions are bounded: a log line of another's making must not take quadratic time.
_SENSITIVE_NAMES: Final = (
    r"(?:proxy[-_]?)?authorization|(?:set[-_]?)?cookie"
    r"|(?:[a-z0-9]{1,32}[-_]){0,4}(?:token|secret|password|passphrase|assertion)"
    r"|(?:access|refresh|id|bearer)token|client(?:secret|assertion)|code|code[-_]?verifier"
    r"|(?:private|api|encryption)[-_]?keys?|x[-_]amz[-_][a-z0-9_-]{1,64}|signature|awsaccesskeyid|signed[-_]?urls?"
)
_SENSITIVE_NAME = re.compile(_SENSITIVE_NAMES, re.IGNORECASE)

_RULES: Final = (
    # A header's value reaches to the end of its line; in a repr it ends at a quotation mark.
    (r"((?:proxy-)?authorization|(?:set-)?cookie)(\s{0,8}[:=]\s{0,8})[^\s\"'][^\r\n\"']*", rf"\1\2{MASK}"),
    (r"\b(bearer|basic)(\s{1,8})[A-Za-z0-9._~+/=-]+", rf"\1\2{MASK}"),
    # JSON, the repr of a mapping, and the pairs of a header list.
    (rf"([\"'](?:{_SENSITIVE_NAMES})[\"']\s{{0,8}}[:,]\s{{0,8}}b?)(\"[^\"]*\"|'[^']*')", rf'\1"{MASK}"'),
    # A query, a form body, the repr of a dataclass.
    (rf"(?<![A-Za-z0-9])((?:{_SENSITIVE_NAMES})=)(?:\"[^\"]*\"|'[^']*'|[^&\s\"'<>,;)]+)", rf"\1{MASK}"),
    # A JSON Web Token, and what hangs on it by a hyphen: such a run is looked at once, never from its middle.
    (r"(?<![A-Za-z0-9_-])(?>(?:[A-Za-z0-9_-]*?-)?eyJ)[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]*)+", MASK),
    # The user and password of a URL, such as a proxy's.
    (r"(\bhttps?://)[^/\s@\"']+@", rf"\1{MASK}@"),
)


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Compile the rules once, when the first line is logged: a server that a chat client starts seldom logs any."""
    return [(re.compile(pattern, re.IGNORECASE), replacement) for pattern, replacement in _RULES]


class LogRedactor:
    """Masks what looks like a secret, and the `known` secrets of this process wherever they stand.

    `finish` is applied to each text then.
    """

    def __init__(self, known: Iterable[str] = (), finish: Callable[[str], str] = str) -> None:
        self._finish = finish
        # Masking a very short string would blacken ordinary words and still hide nothing.
        self._known = sorted((secret for secret in known if len(secret) >= _SHORTEST_KNOWN), key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return `text` with every secret in it masked."""
        for secret in self._known:
            text = text.replace(secret, MASK)
        for pattern, replacement in _patterns():
            text = pattern.sub(replacement, text)
        return self._finish(text)

    def mapping(self, mapping: Mapping[str, object], *, depth: int = 0) -> dict[str, object]:
        """Return `mapping` as plain data, with the whole value masked where the key names a secret."""
        return {
            self.text(_name(key)): MASK
            if _names_secret(key) and item is not None
            else self.value(item, depth=depth + 1)
            for key, item in mapping.items()
        }

    def value(self, value: object, *, depth: int = 0) -> object:
        """Return `value` as plain data (dicts, lists, strings, numbers, None) with every secret in it masked."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, (bytes, bytearray, memoryview)):
            return f"[{len(value)} bytes]"
        if isinstance(value, (Mapping, list, tuple, set, frozenset)) and depth >= _DEEPEST:
            return "[…]"
        if isinstance(value, Mapping):
            return self.mapping(value, depth=depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._items(list(value), depth)
        return self.text(value if isinstance(value, str) else repr(value))

    def _items(self, items: list[object], depth: int) -> list[object]:
        # Headers travel as pairs such as ("Authorization", "Bearer …").
        if len(items) == len(("name", "value")) and _names_secret(items[0]):
            return [_name(items[0]), MASK]
        return [self.value(item, depth=depth + 1) for item in items]


def _names_secret(key: object) -> bool:
    return isinstance(key, (str, bytes)) and _SENSITIVE_NAME.fullmatch(_name(key)) is not None


def _name(key: object) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else str(key)
