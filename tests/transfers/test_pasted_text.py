"""What people paste is read as what they mean, and what is inside stays as it is."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.odd_text import odd_texts, surrounded, written_otherwise
from transfers.files.pasted_text import LONGEST, MOST_READINGS, name_key, path_readings, trim, unwrap, unwrap_address

MEANT = ["beam.pdf", "/home/ann/Shop drawings/beam (rev B).pdf", "05 12 00-3", "Riverside Medical Center", "Tür's 1-2"]
ADDRESS = "https://acc.autodesk.com/build/submittals/projects/b46962a5-ebb3-5fcd-b9b0-daca25a86bca/items?a=1&b=2"


@given(st.sampled_from(MEANT).flatmap(lambda meant: st.tuples(st.just(meant), surrounded(meant))))
def test_quotes_and_brackets_around_a_text_are_removed(pair):
    meant, pasted = pair
    assert unwrap(pasted) == meant
    assert meant in path_readings(pasted)


@given(odd_texts())
def test_unwrapping_ends_and_changes_nothing_the_second_time(text):
    once = unwrap(text)
    assert unwrap(once) == once
    assert trim(trim(text)) == trim(text)
    assert unwrap_address(text) is not None
    first = next(path_readings(text), "")
    assert first == text
    assert len(list(path_readings(text))) <= MOST_READINGS


@pytest.mark.parametrize(
    "text",
    [
        *("(E) Steel and (N) Decking", '"A" and "B"', "[1] beam", "5'", "'", '""', "beam (1)", "~beam~", "12' x 5\""),
        *("**A** and **B**", "«A» «B»", "(a](b)"),
    ],
)
def test_text_that_only_begins_and_ends_like_a_wrapper_is_kept(text):
    assert unwrap(text) == text


@pytest.mark.parametrize(
    ("pasted", "path"),
    [
        ("file:///home/ann/Shop%20drawings/beam.pdf", "/home/ann/Shop drawings/beam.pdf"),
        ("<file:///home/ann/beam.pdf>", "/home/ann/beam.pdf"),
        ("FILE://localhost/home/ann/beam.pdf", "/home/ann/beam.pdf"),
        ("file:/home/ann/beam.pdf", "/home/ann/beam.pdf"),
        ("file:///C:/drawings/beam.pdf", "C:/drawings/beam.pdf"),
        ("\u202aC:\\drawings\\beam.pdf", "C:\\drawings\\beam.pdf"),
        ("[beam.pdf](file:///home/ann/beam%20(1).pdf)", "/home/ann/beam (1).pdf"),
        ("[beam.pdf](beam.pdf)", "beam.pdf"),
        ("@beam.pdf", "beam.pdf"),
        ("Shop\\ drawings/beam\\ \\(1\\).pdf", "Shop drawings/beam (1).pdf"),
        ("beam%20drawings.pdf", "beam drawings.pdf"),
        ("Doors &amp; frames.pdf", "Doors & frames.pdf"),
        ("`beam.pdf`\n", "beam.pdf"),
        ("Shop drawings\\Beams\\beam.pdf", "Shop drawings/Beams/beam.pdf"),
        ("'Ann'\\''s beam.pdf'", "Ann's beam.pdf"),
        ("path: /home/ann/beam.pdf", "/home/ann/beam.pdf"),
        ("File name = beam.pdf", "beam.pdf"),
        ("beam.pdf (2 KB)", "beam.pdf"),
        ("/home/ann/beam.pdf (1,4 MB)", "/home/ann/beam.pdf"),
        ("beam.pdf.", "beam.pdf"),
        ("beam.pdf?", "beam.pdf"),
        ("'beam.pdf',", "beam.pdf"),
        ("\u201cbeam.pdf\u201d;", "beam.pdf"),
        ('\\"beam.pdf\\"', "beam.pdf"),
        ("&quot;beam.pdf&quot;", "beam.pdf"),
        ("%22beam%20one.pdf%22", "beam one.pdf"),
        ('@"beam one.pdf"', "beam one.pdf"),
        ('="beam.pdf"', "beam.pdf"),
        ('"beam.pdf', "beam.pdf"),
        ("beam.pdf\u2019", "beam.pdf"),
        ("``beam.pdf``", "beam.pdf"),
        ('"""beam.pdf"""', "beam.pdf"),
        ("~~beam.pdf~~", "beam.pdf"),
        ("```text\nbeam.pdf\n```", "beam.pdf"),
        ("\u2018beam.pdf\u00b4", "beam.pdf"),
        ("\uff08beam.pdf\uff09", "beam.pdf"),
        ("\u300abeam.pdf\u300b", "beam.pdf"),
        ("\u3010beam.pdf\u3011", "beam.pdf"),
        ("- beam.pdf", "beam.pdf"),
        ("\u2022 beam.pdf", "beam.pdf"),
        ("2) beam.pdf", "beam.pdf"),
        ("- [x] beam.pdf", "beam.pdf"),
        ("> beam.pdf", "beam.pdf"),
        ("beam.pdf - 2 KB", "beam.pdf"),
        ("beam.pdf [2 KB]", "beam.pdf"),
        ("<code>beam.pdf</code>", "beam.pdf"),
        ('<a href="file:///home/ann/beam.pdf">beam</a>', "/home/ann/beam.pdf"),
        ("file://beam.pdf", "beam.pdf"),
        ("file://Shop drawings/beam.pdf", "Shop drawings/beam.pdf"),
        ("file:///home/ann/beam.pdf#page=3", "/home/ann/beam.pdf"),
        ("file:\\\\\\C:\\drawings\\beam.pdf", "C:\\drawings\\beam.pdf"),
        ("beam\\u200b.pdf", "beam\u200b.pdf"),
        (".\\Beams\\beam.pdf", "./Beams/beam.pdf"),
        (".\\beam.pdf", "./beam.pdf"),
        ("& 'beam.pdf'", "beam.pdf"),
        ("Attachment 2: beam.pdf", "beam.pdf"),
        ("1 file: beam.pdf", "beam.pdf"),
        ("Attached: \u00abbeam.pdf\u00bb", "beam.pdf"),
        ("\U0001f4ce beam.pdf", "beam.pdf"),
        ("\u26a0\ufe0f\u2192 beam.pdf \u2713", "beam.pdf"),
        ("||beam.pdf||", "beam.pdf"),
        ("[beam [A].pdf]", "beam [A].pdf"),
        ("_beam_a.pdf_", "beam_a.pdf"),
        ("05 Steel > Shop drawings \u203a beam.pdf", "05 Steel/Shop drawings/beam.pdf"),
        ('=HYPERLINK("drawings/beam.pdf","Beams (rev 2)")', "drawings/beam.pdf"),
        ('=hyperlink( "file:///home/ann/beam%20one.pdf" ; "beam" )', "/home/ann/beam one.pdf"),
        ('=HYPERLINK("beam.pdf")', "beam.pdf"),
    ],
)
def test_a_path_is_read_as_programs_write_it(pasted, path):
    assert path in path_readings(pasted)


SAFE = "https://nam02.safelinks.protection.outlook.com/?url="
ENCODED = ADDRESS.replace(":", "%3A").replace("/", "%2F").replace("?", "%3F").replace("=", "%3D").replace("&", "%26")


@pytest.mark.parametrize(
    "pasted",
    [
        f"<{ADDRESS}>",
        f"({ADDRESS})",
        f"{ADDRESS}.",
        f"{ADDRESS}),",
        f"see {ADDRESS}, please",
        f"[the submittal]({ADDRESS})",
        f"<{ADDRESS}|the submittal>",
        f"**{ADDRESS}**",
        ADDRESS.replace("&", "&amp;"),
        f"{ADDRESS[:60]}\r\n{ADDRESS[60:]}",
        f"{ADDRESS[:60]}=\r\n{ADDRESS[60:]}",
        f"> {ADDRESS[:60]}\n> {ADDRESS[60:]}",
        f"{ADDRESS}\n\nSent from my phone",
        f"{ADDRESS}\nThanks",
        f"{ADDRESS}%20",
        f'=HYPERLINK("{ADDRESS}";"the submittal")',
        ADDRESS.removeprefix("https://"),
        f"{ADDRESS[:60]}\u200b{ADDRESS[60:]}\u00a0",
        f"{SAFE}{ENCODED}&data=05%7C02%7Cann&reserved=0",
        f"https://www.google.com/url?q={ENCODED}&sa=D",
        f"https://urldefense.com/v3/__{ADDRESS}__;!!abc$",
        f"[[{ADDRESS}][the submittal]]",
        f"[url={ADDRESS}]the submittal[/url]",
        f"{ADDRESS}|the submittal",
        f'<a href="{ADDRESS}">the submittal</a>',
        f"see {ADDRESS}\u3002",
        f"\u300c{ADDRESS}\u300d",
        f"{ADDRESS}\u2019s files",
        f"https://{ADDRESS}",
        ADDRESS.removeprefix("https:"),
        f"see {ADDRESS.removeprefix('https://')}, please",
        ADDRESS.replace("/", "\\/"),
        ADDRESS.replace("=", "=3D"),
        ENCODED,
        f"https://linkprotect.cudasvc.com/url?a={ENCODED}&c=E,1",
        f"https://secure-web.cisco.com/1abc/{ENCODED}",
        f"https://protect2.fireeye.com/v1/url?k=1&q=1&u={ENCODED}",
        f"https://slack-redir.net/link?url={ENCODED}",
        f"https://gov.safelinks.protection.office365.us/?url={ENCODED}&data=05",
        f"https://urldefense.proofpoint.com/v1/url?u={ENCODED}&k=x",
        f"https://us-west-2.protection.sophos.com/?d=a&u={base64.b64encode(ADDRESS.encode()).decode()}",
        "https://urldefense.proofpoint.com/v2/url?u="
        + ADDRESS.replace("-", "-2D")
        .replace(":", "-3A")
        .replace("?", "-3F")
        .replace("=", "-3D")
        .replace("&", "-26")
        .replace("/", "_")
        + "&d=DwMF",
    ],
)
def test_an_address_is_read_as_mail_markdown_and_chats_wrap_it(pasted):
    assert unwrap_address(pasted) == ADDRESS


@given(st.sampled_from(MEANT).flatmap(lambda name: st.tuples(st.just(name), written_otherwise(name))))
def test_names_that_look_alike_have_one_key(pair):
    name, other = pair
    assert name_key(other) == name_key(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("O\u00b4Neil", "O'Neil"),
        ("12\u2033 pipe.pdf", '12" pipe.pdf'),
        ("12'' pipe.pdf", '12" pipe.pdf'),
        ("beam--1.pdf", "beam\u20141.pdf"),
        ("beam\u20431.pdf", "beam-1.pdf"),
        ("a\u2800b.pdf", "a b.pdf"),
        ("\ufb01re.pdf", "fire.pdf"),
    ],
)
def test_kinds_of_dash_quote_and_blank_that_unicode_calls_otherwise_have_one_key(one, other):
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    "piece", ["<a href=", "[a](()", "_", "&amp;", "https://", "https%3A%2F%2F", "> ", "file:", "a."]
)
def test_however_much_is_pasted_it_is_read_in_time(piece):
    """A regular expression that goes back and forth over a megabyte would take hours; the runner's timeout ends it."""
    for text in (piece * (LONGEST // len(piece)), piece * 200_000, f"{piece}{' ' * 200_000}<"):
        assert unwrap(text)
        assert unwrap_address(text)
        assert len(list(path_readings(text))) <= MOST_READINGS


def test_names_that_look_different_have_different_keys():
    names = [
        "beam.pdf",
        "beam 1.pdf",
        "beam1.pdf",
        "beam-1.pdf",
        "beam_1.pdf",
        "bäam.pdf",
        "(beam).pdf",
        "beam.pdf.pdf",
    ]
    assert len({name_key(name) for name in names}) == len(names)
