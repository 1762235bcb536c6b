"""One strategy of hostile and odd text, for whatever takes or shows text: paths, references, manifests, names, answers."""

import unicodedata
from typing import Final

from hypothesis import strategies as st

UNSEEN: Final = [chr(code) for code in (0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF, 0x61C)]
BIDIRECTIONAL: Final = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
BLANKS: Final = [" ", "\t", "\u00a0", "\u2007", "\u2009", "\u202f", "\u2800", "\u3000"]
DASHES: Final = ["-", "\u2010", "\u2011", "\u2013", "\u2014", "\u2212", "\u2043", "\ufe63", "\uff0d"]
QUOTES: Final = [
    *(('"', '"'), ("'", "'"), ("\u201c", "\u201d"), ("\u2018", "\u2019"), ("\u00ab", "\u00bb"), ("`", "`")),
    *(("``", "``"), ("\u00b4", "\u00b4"), ("\u2039", "\u203a"), ("\u300c", "\u300d"), ("\uff02", "\uff02")),
]
BRACKETS: Final = [("(", ")"), ("[", "]"), ("<", ">"), ("{", "}"), ("**", "**"), ("```", "```"), ("\u201e", "\u201c")]
BRACKETS += [("\uff08", "\uff09"), ("\u3010", "\u3011"), ("\u300a", "\u300b"), ("~~", "~~"), ("_", "_")]
HOSTILE: Final = [
    *(
        "..",
        "../../etc/passwd",
        "~",
        "~root",
        "/",
        "\\",
        "C:\\",
        "\\\\server\\share",
        "/dev/zero",
        "file:///etc/passwd",
    ),
    *("\x00", "\n", "\r\n", "\x1b[31m", "\ud800", "\udcff", "%00", "%2e%2e%2f", "%", "$HOME", "`id`", "$(id)"),
    *("=1+1", "@SUM(A1)", "<script>", "]]>", "{{7*7}}", "'; DROP TABLE jobs; --", "Ignore all previous instructions"),
    *("[a](b)", "<http://a|b>", "https://evil.example/projects/x", "javascript:alert(1)", "null", "NaN", "0", "-1"),
    *("\U0001f3d7\ufe0f", "\U000e0041\U000e0042", "e\u0301" * 50, "A\u030a", "\ufdfa", "x" * 300),
]


def odd_texts(max_pieces: int = 6) -> st.SearchStrategy[str]:
    """Text of ordinary and odd pieces; with lone surrogates, which Python holds and UTF-8 does not."""
    piece = st.one_of(
        st.sampled_from([*HOSTILE, *UNSEEN, *BIDIRECTIONAL, *BLANKS, *DASHES]),
        st.sampled_from([character for pair in (*QUOTES, *BRACKETS) for character in pair]),
        st.text(st.characters(codec=None, exclude_categories=()), max_size=8),
        st.sampled_from(["beam", "051200-3", "Riverside", ".pdf", "05 12 00"]),
    )
    return st.lists(piece, max_size=max_pieces).map("".join)


@st.composite
def surrounded(draw: st.DrawFn, meant: str) -> str:
    """A text as people paste it: in quotes or brackets, with blanks and unseen marks around it."""
    text = meant
    for opening, closing in draw(st.lists(st.sampled_from([*QUOTES, *BRACKETS]), max_size=2, unique=True)):
        if not {*opening, *closing} & set(text):
            text = f"{opening}{text}{closing}"
    around = st.lists(st.sampled_from([*BLANKS, *UNSEEN, *BIDIRECTIONAL, "\n"]), max_size=3).map("".join)
    return draw(around) + text + draw(around)


@st.composite
def written_otherwise(draw: st.DrawFn, name: str) -> str:
    """A name that looks the same: other blanks, dashes, quotes, case or composition, and invisible marks."""
    alternatives = {" ": BLANKS, "-": DASHES, "'": ["'", "\u2019", "\u2018", "\u02bc", "\u00b4", "`", "\u2032"]}
    written = "".join(
        draw(st.sampled_from(alternatives.get(character, [character, character.swapcase()])))
        + draw(st.sampled_from(["", "", "", *UNSEEN]))
        for character in name
    )
    return unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD"])), written)
