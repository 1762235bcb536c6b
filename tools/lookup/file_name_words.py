"""The words of a file's name, and which of them say nothing of the submittal that is meant.

Dates, revisions, heat numbers, pages and the state of a copy are recognised by words of English, German and French,
which stand here without accents.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from tools.lookup.references import root
from transfers.files.names import extension_of

SUBMITTAL_WORDS: Final = frozenset(
    {"submittal", "submittals", "sub", "subm", "sbm", "einreichung", "vorlage", "freigabe", "soumission"}
)
"""Words that say of the number after them that it is a submittal's."""

SECTION_WORDS: Final = frozenset({"spec", "section", "sec", "abschnitt", "devis"})
"""Words that say of the number after them that it is a section's."""

INTRODUCTIONS: Final = (
    SUBMITTAL_WORDS | SECTION_WORDS | frozenset({"no", "nr", "num", "number", "numero", "item", "submission"})
)
"""Words by which people introduce a number; most do so with a number of anything: No. 3 is a bar, too."""

MEASURES: Final = frozenset(
    {"in", "inch", "inches", "ft", "foot", "feet", "mm", "cm", "ga", "gauge", "gage", "awg", "psi", "ksi", "psf", "mil"}
    | {"hr", "hrs", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "yr", "year", "years"}
    | {"lb", "lbs", "kv", "kva", "amp", "amps", "volt", "volts", "phase", "ply", "layer", "layers", "each", "ea"}
    | {"pcs", "copies", "sets"}
    | {"zoll", "tage", "wochen", "monate", "stk", "stueck", "og", "ug", "pouce", "pouces", "jours", "semaines", "mois"}
)
"""Words that make the number before them a size, a time or a count."""

LITTLE_WORDS: Final = frozenset(
    {"a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with", "re", "per", "all"}
    | {"der", "die", "das", "den", "des", "und", "fuer", "von", "vom", "mit", "zu", "zum", "zur", "im", "am"}
    | {"le", "la", "les", "l", "d", "de", "du", "et", "pour", "avec", "sur", "aux", "au", "un", "une"}
)

COPIES: Final = frozenset(
    {
        "copy",
        "copies",
        "final",
        "finals",
        "signed",
        "stamped",
        "sealed",
        "approved",
        "noted",
        "reviewed",
        "draft",
        "latest",
        "new",
    }
    | {"updated", "revised", "scan", "scanned", "ocr", "reduced", "compressed", "web", "print", "combined", "package"}
    | {"complete", "transmittal", "cover", "letter", "resubmittal", "resubmission", "file", "files", "doc", "documents"}
    | {"ifr", "ifa", "ifc", "afc", "asbuilt", "unterschrieben", "gestempelt", "geprueft", "freigegeben", "kopie"}
    | {"endfassung", "entwurf", "neu", "komplett", "anschreiben", "signe", "tamponne", "approuve", "copie", "projet"}
    | {"complet", "nouveau", "bordereau"}
)
"""Words about the state of a copy."""

PLACES: Final = frozenset(
    {"level", "levels", "lvl", "floor", "floors", "area", "zone", "wing", "phase", "building", "bldg", "room", "grid"}
    | {"north", "south", "east", "west", "ebene", "geschoss", "etage", "haus", "achse", "bauteil", "niveau", "batiment"}
)
"""Words for a part of a building: every trade has files of it."""

REFERRING: Final = frozenset(
    {"see", "ref", "refer", "reference", "vs", "versus", "like", "not", "siehe", "vgl", "vergleiche", "nicht", "statt"}
    | {"voir", "cf", "comme", "pas", "vease", "segun", "also", "auch", "aussi", "tambien", "similar", "aehnlich"}
    | {"supersedes", "superseded", "replaces", "replaced", "ersetzt", "remplace", "sustituye", "reemplaza"}
    | {"without", "except", "ohne", "sans", "sauf", "sin", "instead", "lieu", "anstatt", "anstelle"}
)
"""Words before the number of a submittal that a file may only refer to."""

OUTDATED: Final = frozenset(
    {"superseded", "obsolete", "voided", "outdated", "veraltet", "ungueltig", "perime", "annule"}
)
"""Words that say of a paper that another counts."""

RANGE_WORDS: Final = frozenset(
    {"and", "to", "thru", "through", "und", "bis", "sowie", "et", "jusqu", "al", "hasta", "tot", "oraz"}
)
"""Words between two numbers that are both meant, or all between them."""

REVISION_WORDS: Final = frozenset(
    {"rev", "revision", "version", "ver", "issue", "index", "ind", "indice", "stand", "fassung", "ausgabe", "revise"}
)
"""Words that a revision follows."""

OTHER_PAPERS: Final = frozenset(
    {"po", "rfi", "inv", "invoice", "order", "ticket", "bol", "auftrag", "rechnung", "lieferschein", "angebot"}
    | {"bestellung", "commande", "facture", "quote", "quotation", "bid", "proposal", "estimate", "rfq", "pco", "cor"}
    | {"ncr", "delivery", "slip", "receipt", "nachtrag", "lieferung", "avenant", "livraison"}
)
"""Papers about the same work that are no attachments of its submittal, with a number of their own."""

FOLLOWED_BY_NUMBER: Final = OTHER_PAPERS | frozenset(
    {"heat", "heats", "lot", "batch", "coil", "serial", "job"}
    | {"sheet", "sheets", "sht", "page", "pages", "pg", "part", "pt", "vol", "volume", "tr", "copy"}
    | {"charge", "chargen", "schmelze", "los", "blatt", "seite", "teil", "band"}
    | {"coulee", "feuille", "feuillet", "partie", "tome", "planche"}
)
"""Words after which a number counts something else than submittals."""

DOCUMENT_KINDS: Final[dict[str, str]] = {
    **dict.fromkeys(("shop", "shops", "drawing", "drawings", "sd", "dwg", "dwgs", "drg", "drgs"), "drawings"),
    **dict.fromkeys(("shopdrawing", "shopdrawings", "zeichnung", "zeichnungen", "werkstattzeichnung"), "drawings"),
    **dict.fromkeys(("werkstattzeichnungen", "werkplan", "werkplaene", "dessin", "dessins", "atelier"), "drawings"),
    **dict.fromkeys(("product", "data", "datasheet", "datasheets", "cutsheet", "cutsheets", "pd"), "data"),
    **dict.fromkeys(
        ("sheet", "sheets", "cut", "datenblatt", "datenblaetter", "produktdatenblatt", "fiche", "fiches"), "data"
    ),
    **dict.fromkeys(("technique", "techniques"), "data"),
    **dict.fromkeys(("sample", "samples", "muster", "echantillon", "echantillons"), "samples"),
    **dict.fromkeys(("cert", "certs", "certificate", "certificates", "zertifikat", "zertifikate"), "certificates"),
    **dict.fromkeys(("zeugnis", "zeugnisse", "certificat", "certificats", "coc", "mtr", "mtrs"), "certificates"),
    **dict.fromkeys(("report", "reports", "bericht", "berichte", "pruefbericht", "rapport", "rapports"), "reports"),
    **dict.fromkeys(("calc", "calcs", "calculation", "calculations", "statik", "berechnung"), "calculations"),
    **dict.fromkeys(("warranty", "warranties", "garantie", "gewaehrleistung"), "warranties"),
    **dict.fromkeys(("manual", "manuals", "handbuch", "manuel"), "manuals"),
}
"""Words that name a kind of document, and the kind; titles have them in other forms than names."""

MONTHS: Final = frozenset(
    {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "okt", "dez"}
    | {"january", "february", "march", "april", "june", "july", "august", "september", "october", "november"}
    | {"december", "januar", "februar", "maerz", "mai", "juni", "juli", "oktober", "dezember", "janvier", "fevrier"}
    | {"mars", "avril", "juin", "juillet", "aout", "septembre", "octobre", "novembre", "decembre"}
)

_CAMERA: Final = re.compile(
    r"(?:(?:img|image|dsc[nf]?|pxl|mvi|vid|mov|gopr|scan|scanned|photo|foto|bild|cam|p|screenshot|bildschirmfoto"
    r"|capture|whatsapp image|signal|screen shot|numerisation|camscanner|adobe scan)[\s_.-]*"
    r"|20\d{6}[\s_-]*(?=\d{6}(?!\d|[\s_]*-[\s_]*\d{1,4}\b)))"
    r"(?:[\s_.,:()-]|\d|at|um|a(?= )|am|pm|ms?(?=\d)|edited|mp)*"
)
"""Names that cameras, phones and scanners give: a word of theirs or a date with a time, and digits."""

_TOKEN: Final = re.compile(r"[^\W_]+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])|(?<=[Rr]ev)(?=[A-Z0-9])")
_GLUE: Final = "\x1f"
_GLUED: Final = re.compile(r"(?<=[a-z]{3})(?=\d)")
_DEGREE: Final = re.compile(r"(?<![^\W_])n\s?°", re.IGNORECASE)
_INTRODUCED: Final = re.compile(r"(?<![^\W_])(sub|subm|submittal|spec|sec|section|no|nr)(?=\d)", re.IGNORECASE)
_REVISED: Final = re.compile(r"(?<=\d)(?=(?:rev[a-z]?|r|v)\d{0,2}(?![^\W_]))", re.IGNORECASE)
_REVISION: Final = re.compile(r"(?:rev|ver|r|v|ind)\d{1,2}[a-z]?|rev[a-z]|p\d\d|c0\d")
_LEVEL: Final = re.compile(r"(?<![^\W_])(?:l|lvl[\s._-]?)(?=\d{1,2}(?![^\W_]))", re.IGNORECASE)
_LABEL: Final = re.compile(r"([a-z]{1,4})(\d{1,4})")
_FRACTION: Final = re.compile("[\u00bc-\u00be\u2150-\u215e]")
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l"})
_TIED: Final = frozenset("-.\u2010\u2011\u2012\u2013\u2014\u2015\u2212")
_DASHES: Final = _TIED - {"."}
_LOOSE: Final = _TIED | frozenset("_ \t\u00a0#")


@dataclass(frozen=True)
class NameWord:
    """A word of a name, and what stands between it and the word before."""

    text: str
    gap: str

    @property
    def is_number(self) -> bool:
        """Whether it is digits alone."""
        return self.text.isdecimal()

    @property
    def is_tied(self) -> bool:
        """Whether a mere dash or dot stands before it."""
        return bool(self.gap) and set(self.gap) <= _TIED

    @property
    def is_glued(self) -> bool:
        """Whether it is digits right after letters, with nothing between them."""
        return self.gap == _GLUE

    @property
    def is_listed(self) -> bool:
        """Whether it goes on with a list: 3 + 4, 3,4."""
        return bool(set("+&,;/") & set(self.gap))

    @property
    def is_measure(self) -> bool:
        """Whether what stands before it makes a measure of a number before that: 15%, 12', 2", 150#."""
        return self.gap.lstrip()[:1] in tuple("%\u00b0") or self.gap[:1] in tuple("#'\"\u2019\u201d\u2032\u2033")

    @property
    def has_dash(self) -> bool:
        """Whether a dash stands before it, perhaps between blanks."""
        return bool(set(self.gap) & _DASHES)

    @property
    def is_near(self) -> bool:
        """Whether nothing stands before it but what people put between the parts of a number."""
        return set(self.gap) <= _LOOSE


def is_camera_name(name: str) -> bool:
    """Whether a camera, phone or scanner gave the name: its digits number nothing but pictures."""
    return _CAMERA.fullmatch(_plain(_stem(name))) is not None


def words_of(name: str) -> list[NameWord]:
    """Return the words of a file's name without its extension."""
    return split_words(_stem(name))


def _stem(name: str) -> str:
    extension = extension_of(name)
    # What has no letter is the end of a section: 05.12.00
    return name.removesuffix(extension) if any(letter.isalpha() for letter in extension) else name


def split_words(text: str) -> list[NameWord]:
    """Return the words of a text, without case, umlauts and accents; CamelCase and Rev3 are two each."""
    text = unicodedata.normalize("NFKC", _FRACTION.sub(" inch ", text))  # a size in inches has one
    for boundary, put in (
        (_DEGREE, "no_"),
        (_LEVEL, "level_"),
        (_CAMEL, "_"),
        (_INTRODUCED, r"\1_"),
        (_REVISED, "_"),
        (_GLUED, _GLUE),
    ):
        text = boundary.sub(put, text)
    plain = _plain(text)
    words: list[NameWord] = []
    ended = 0
    for found in _TOKEN.finditer(plain):
        words.append(NameWord(found[0], plain[ended : found.start()]))
        ended = found.end()
    return words


def _plain(text: str) -> str:
    """Return a text without case, umlauts and accents."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold()).translate(_UMLAUTS)
    apart = unicodedata.normalize("NFKD", folded)
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def masked_places(words: Sequence[NameWord]) -> set[int]:
    """Return the places of words that are part of no number and no title: dates, revisions, heat numbers, pages."""
    masked: set[int] = set()
    for place, word in enumerate(words):
        masked |= set(range(place, place + _date_length(words, place)))
        if place in masked:
            continue
        following = words[place + 1].text if place + 1 < len(words) else ""
        counted = _counted_after(words, place)
        if word.text in REVISION_WORDS and following in INTRODUCTIONS and counted:
            masked |= set(range(place, counted + 1))
        elif word.text in REVISION_WORDS and len(following) <= 3:
            masked |= {place, place + 1} if following and following not in LITTLE_WORDS else {place}
        elif word.text in FOLLOWED_BY_NUMBER and counted:
            masked |= {*range(place + (word.text in OTHER_PAPERS), counted + 1), *_of_all(words, counted)}
        elif _REVISION.fullmatch(word.text) or word.text in COPIES | INTRODUCTIONS or _is_counter(words, place):
            masked.add(place)
        elif word.is_number:
            masked |= _of_all(words, place)
    return {place for place in masked if place < len(words)}


def _counted_after(words: Sequence[NameWord], place: int) -> int:
    """Return where the number stands that a word counts, as in "Invoice No. 4711"; 0 where there is none."""
    counted = place + 1
    while counted < len(words) and words[counted].text in INTRODUCTIONS:
        counted += 1
    has_digit = counted < len(words) and any(letter.isdecimal() for letter in words[counted].text)
    return counted if has_digit else 0


def _of_all(words: Sequence[NameWord], place: int) -> set[int]:
    """Return the places of "3 of 7", where that stands; else none."""
    texts = [word.text for word in words[place : place + 3]]
    if len(texts) < 3 or texts[1] not in ("of", "von", "sur", "de"):
        return set()
    return {place, place + 1, place + 2} if texts[0].isdecimal() and texts[2].isdecimal() else set()


def _is_counter(words: Sequence[NameWord], place: int) -> bool:
    """Whether a word counts copies: the (2) at the end of a name."""
    word = words[place]
    return word.is_number and len(word.text) <= 2 and word.gap.endswith("(") and place == len(words) - 1


def _date_length(words: Sequence[NameWord], place: int) -> int:
    """Return how many words from `place` on are a date with a year of four digits; 0 for none."""
    texts = [word.text for word in words[place : place + 3]]
    first = texts[0]
    if len(first) == 8 and (_is_date(first[:4], first[4:6], first[6:]) or _is_date(first[4:], first[2:4], first[:2])):
        return 1
    if len(texts) == 3 and all(word.is_near for word in words[place + 1 : place + 3]):
        if all(text.isdecimal() for text in texts) and (
            _is_date(*texts) or _is_date(texts[2], texts[1], texts[0]) or _is_date(texts[2], texts[0], texts[1])
        ):
            return 3
        if words[place + 1].is_tied and words[place + 2].is_tied and _is_short_date(*texts):
            return 3
        if texts[1] in MONTHS and texts[0].isdecimal() and is_year(texts[2]):
            return 3
    if len(texts) > 1 and first in MONTHS and is_year(texts[1]):
        return 2
    if len(texts) > 1 and is_year(first) and words[place + 1].is_tied and _is_month(texts[1]):
        return 2
    return 0


def _is_month(text: str) -> bool:
    return len(text) == 2 and text.isdecimal() and 1 <= int(text) <= 12


def _is_date(year: str, month: str, day: str) -> bool:
    if not is_year(year) or not month.isdecimal() or not day.isdecimal() or len(month) > 2 or len(day) > 2:
        return False
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _is_short_date(one: str, two: str, year: str) -> bool:
    """Whether 5-12-26 is a day of these years; with two digits each it could be a section as well, and is none here."""
    if not (one + two + year).isdecimal() or len(year) != 2 or min(len(one), len(two)) != 1:
        return False
    return 10 <= int(year) <= 40 and (_is_date(f"20{year}", one, two) or _is_date(f"20{year}", two, one))


def could_be_a_date(words: Sequence[NameWord]) -> bool:
    """Whether six digits can be a day of these years, in any order of day, month and year."""
    digits = "".join(word.text for word in words)
    if len(digits) != 6:
        return False
    one, two, three = digits[:2], digits[2:4], digits[4:]
    orders = ((one, two, three), (three, two, one), (three, one, two))
    return any(_is_date(f"20{year}", month, day) and 10 <= int(year) <= 40 for year, month, day in orders)


def content_words(words: Sequence[NameWord], masked: set[int]) -> tuple[list[str], frozenset[str]]:
    """Return the words that tell a document from others, and the kinds of document that the words name."""
    content: list[str] = []
    kinds: set[str] = set()
    for place, word in enumerate(words):
        if place in masked or word.text in LITTLE_WORDS:
            continue
        kind = DOCUMENT_KINDS.get(word.text)
        if kind is None:
            content.append(word.text)
        else:
            kinds.add(kind)
    return content, frozenset(kinds)


LONGEST_RANGE: Final = 100
"""Levels or stairs that a range counts at most; more digits are something else."""


def labels_in(words: Sequence[NameWord], masked: Collection[int] = ()) -> set[tuple[str, str]]:
    """Return each word with the number or the one letter that follows it: (level, 2), (stair, b), of a range all.

    A letter has a number only where nothing or a dash is between them: R13, R-19.
    """
    found: set[tuple[str, str]] = set()
    labelled, last, goes_on = "", "", False
    for place, word in enumerate(words):
        if label := _LABEL.fullmatch(word.text):
            found.add((label[1], unzeroed(label[2])))
        elif word.is_number and word.is_tied and place and len(words[place - 1].text) == 1:
            found.add((words[place - 1].text, unzeroed(word.text)))
        if not word.is_number and len(word.text) > 1:
            if word.text not in RANGE_WORDS:
                labelled, last = root(word.text), ""
            goes_on = True
            continue
        counts = place not in masked or words[place - 1].text in FOLLOWED_BY_NUMBER
        if labelled and counts and (goes_on or word.is_listed or (last and word.is_tied)):
            number = unzeroed(word.text)
            found.add((labelled, number))
            if last.isdecimal() and number.isdecimal() and int(number) - int(last) < LONGEST_RANGE:
                found |= {(labelled, str(between)) for between in range(int(last), int(number))}
            last = number
        goes_on = False
    return found


def is_year(text: str) -> bool:
    """Whether a text is a year of our time."""
    return len(text) == 4 and text.isdecimal() and 1990 <= int(text) < 2060


def section_key(digits: str) -> str:
    """Return a section with an even number of digits, as sections have: a spreadsheet takes the zero from its front."""
    return digits.zfill(len(digits) + len(digits) % 2)


def unzeroed(text: str) -> str:
    """Return a number without zeros in front; any other text as it is."""
    return (text.lstrip("0") or "0") if text.isdecimal() else text


def is_measured(words: Sequence[NameWord], end: int) -> bool:
    """Whether what follows a number makes it a size, a time, a count or a day: 2", 18 ga, 3 weeks, 4 Nov."""
    if end >= len(words):
        return False
    after = words[end]
    counts = end + 1 < len(words) and words[end + 1].is_number  # "phase 3" goes on with a number of its own
    return after.is_measure or after.text in MONTHS or (after.text in MEASURES and not counts)
