"""What people paste and type is read as an id, or as words to look up; no foreign address is."""

# ruff: noqa: RUF001  # look-alike characters are what people paste

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.odd_text import odd_texts, surrounded
from tools.lookup.references import (
    NotAReference,
    ParsedReference,
    file_reference,
    folder_reference,
    match_quality,
    normalize,
    project_reference,
    search_terms,
    submittal_reference,
)

PROJECT = "b46962a5-ebb3-5fcd-b9b0-daca25a86bca"
ITEM = "e74f17e7-2c7f-563c-894f-002dfdbda514"
FILE = "urn:adsk.wipprod:dm.lineage:aGVsbG8-d29y_bGQ"
FOLDER = "urn:adsk.wipprod:fs.folder:co.Zm9sZGVy"
HOSTS = ["acc.autodesk.com", "acc.autodesk.eu", "acc.autodesk.ca", "acc.autodesk.com.au", "docs.b360.eu.autodesk.com"]


@pytest.mark.parametrize("text", [PROJECT, PROJECT.upper(), f"b.{PROJECT}", f"B.{PROJECT.upper()}", f"  {PROJECT}\n"])
def test_a_project_id_is_read_with_and_without_its_prefix(text):
    assert project_reference(text) == ParsedReference(id=PROJECT)


@pytest.mark.parametrize("text", ["Riverside Medical Center", f"{PROJECT}x", f"b{PROJECT}", "b.", "12", "acc"])
def test_anything_else_is_a_projects_name(text):
    assert project_reference(text) == ParsedReference(words=text)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "path",
    [
        f"/build/submittals/projects/{PROJECT}/items",
        f"/docs/files/projects/b.{PROJECT}?folderUrn=urn%3Aadsk.wipprod%3Afs.folder%3Aco.X&viewModel=detail",
        f"/project-admin/members/projects/{PROJECT}",
        f"/build/submittals/projects/{PROJECT.upper()}/submittals/{ITEM}?preview=1#top",
    ],
)
def test_a_pasted_address_names_its_project_in_every_region(host, path):
    assert project_reference(f"https://{host}{path}") == ParsedReference(id=PROJECT)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "path",
    [
        f"/build/submittals/projects/{PROJECT}/items/{ITEM}",
        f"/build/submittals/projects/{PROJECT}/submittals/{ITEM.upper()}/attachments",
        f"/build/submittals/projects/{PROJECT}/items?itemId={ITEM}",
        f"/build/submittals/projects/{PROJECT}/#/list?submittalId={ITEM}",
    ],
)
def test_a_pasted_address_names_its_submittal_and_the_project_of_it(host, path):
    assert submittal_reference(f"HTTPS://{host}{path}") == ParsedReference(id=ITEM, project_id=PROJECT)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8788", "localhost:8788", "http://[::1]:8788"])
def test_a_sandbox_on_this_machine_may_be_pasted_too(origin):
    assert submittal_reference(f"{origin}/projects/{PROJECT}/items/{ITEM}") == ParsedReference(
        id=ITEM, project_id=PROJECT
    )


@pytest.mark.parametrize("host", HOSTS)
def test_an_address_may_be_shouted_or_lack_its_scheme(host):
    address = f"{host}/build/submittals/projects/{PROJECT}/items/{ITEM}"
    for written in (address, f"https://{address}".upper(), f"see {address}."):
        assert submittal_reference(written) == ParsedReference(id=ITEM, project_id=PROJECT)


@pytest.mark.parametrize("text", [f"{ITEM} of {PROJECT}", f"{ITEM}.pdf", f"scan-{ITEM}", f"{ITEM}-2"])
def test_several_ids_or_the_name_of_a_file_are_no_id(text):
    assert submittal_reference(text) == ParsedReference(words=text)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://evilautodesk.com",
        "https://autodesk.com.evil.example",
        "https://autodesk.evil.example",
        "https://acc.autodesk.com@evil.example",
        "https://evil.example@acc.autodesk.com",
        "http://localhost\\@evil.example",
        "https://acc.autodesk.com\\.evil.example",
        "https://[::1",
        "https://",
        "http://169.254.169.254",
    ],
)
@pytest.mark.parametrize("reader", [project_reference, submittal_reference])
def test_a_url_of_another_host_is_refused(reader, origin):
    with pytest.raises(NotAReference):
        reader(f"{origin}/projects/{PROJECT}/items/{ITEM}")


@pytest.mark.parametrize("path", ["/", "/build/projects/", f"/projects/{PROJECT}x/items", f"/x/{ITEM}"])
def test_an_address_of_autodesk_that_names_nothing_is_refused(path):
    for reader in (project_reference, submittal_reference):
        with pytest.raises(NotAReference):
            reader(f"https://acc.autodesk.com{path}")


@pytest.mark.parametrize("host", [*HOSTS, "forma.autodesk.com", "app.autodeskforma.com", "app.autodeskforma.eu"])
@pytest.mark.parametrize(
    "path",
    [
        f"/docs/files/projects/{PROJECT}?folderUrn={quote(FOLDER)}&entityId={quote(FILE)}&viewModel=detail",
        f"/docs/files/projects/{PROJECT}#/list?folderUrn={quote(FOLDER)}&entityId={quote(FILE)}",
        f"/projects/{PROJECT}/folders/{quote(FOLDER)}/detail/viewer/items/{quote(FILE)}?version=2",
        f"/docs/files/folders/{FOLDER}/items/{FILE}?projectId=b.{PROJECT}",
    ],
)
def test_a_pasted_address_of_the_files_tool_names_its_file_folder_and_project(host, path):
    url = f"https://{host}{path}"
    assert (file_reference(url), folder_reference(url), project_reference(url).id) == (FILE, FOLDER, PROJECT)


def test_a_urn_or_a_path_is_taken_as_it_is():
    for around in (" {}\n", '"{}",', "version_urn: {}", "`{}`", "<{}>", "see {} please"):
        assert file_reference(around.format(FILE)) == FILE
        assert folder_reference(around.format(FOLDER)) == FOLDER
    assert file_reference(quote(FILE, safe="")) == FILE
    assert folder_reference("03 Shop Drawings/05 Steel") == "03 Shop Drawings/05 Steel"


@pytest.mark.parametrize(
    "url",
    [
        f"https://evil.example/docs/files/projects/{PROJECT}?entityId={FILE}&folderUrn={FOLDER}",
        f"https://acc.autodesk.com/docs/files/projects/{PROJECT}",
        "https://acc.autodesk.com/docs/files?entityId=urn:adsk.wipprod:dm.lineage:../..&folderUrn=..%2f..",
    ],
)
@pytest.mark.parametrize("reader", [file_reference, folder_reference])
def test_an_address_without_a_file_or_folder_is_refused(reader, url):
    with pytest.raises(NotAReference):
        reader(url)


@pytest.mark.parametrize("text", ["033100-01", "12", "Beam drawings", "b.12", f"b.{ITEM}"])
def test_a_number_or_a_title_is_words(text):
    assert submittal_reference(text) == ParsedReference(words=text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("item 3 in section 05 12 00", "05 12 00-3"),
        ("Item #3 of the 051200", "051200-3"),
        ("no. 3, section 051200", "051200-3"),
        ("submittal no. 3 under spec section 05.12.00", "05.12.00-3"),
        ("Section 051200, Item 3", "051200-3"),
        ("05 12 00 item 3 (beams)", "05 12 00-3 (beams)"),
        ("051200 #3", "051200-3"),
        ("Spec Section 05 12 00 - Item No. 3 - Rev 1", "05 12 00-3 - Rev 1"),
        ("Item 3 \u2013 Section 051200", "051200-3"),
        ("051200 sub 3", "051200-3"),
        ("051200-3, 4 & 5.", "051200-3, 051200-4 & 051200-5."),
        ("05 12 00-3 thru 5", "05 12 00-3 thru 05 12 00-5"),
        ("Submittal #3 Rev 1", "Submittal #3"),
        ("item 3 (revision B)", "item 3"),
    ],
)
def test_a_number_said_in_parts_is_put_together(text, number):
    assert submittal_reference(text) == ParsedReference(words=number)


@pytest.mark.parametrize(
    "text",
    [
        *("051200-3, 2 copies", "051200-3 of 5", "051200-3 item 4", "051200-3 Rev 1", "0512003, item 2"),
        *("Drawings Rev 2", "level 3 in 051200", "Item 12: beams", "rows 1, 2"),
    ],
)
def test_text_that_is_no_part_of_a_number_stays_as_it_is(text):
    assert submittal_reference(text) == ParsedReference(words=text)


@pytest.mark.parametrize(
    "spelling",
    [
        "0512\u200b00-3",
        "051200-3",
        "05 12 00-3",
        "05 12 00 - 3",
        " 051200–3 ",
        "051200 3",
        "051200\u20113",
        "051200−3",
        "05.12.00-3",
        "0512003",
        "０５１２００-3",
        "05\u00a012\u00a000-3",
    ],
)
def test_a_number_is_the_same_however_it_is_spelt(spelling):
    assert normalize(spelling) == normalize("051200-3")


@pytest.mark.parametrize("other", ["051200-30", "051200-4", "33100-3", "0512003a"])
def test_another_number_is_another(other):
    assert normalize(other) != normalize("051200-3")


def test_a_title_is_the_same_in_any_case():
    assert normalize("Structural Steel — Beam Drawings") == normalize("structural steel-beam drawings")


@pytest.mark.parametrize(
    ("words", "terms"),
    [
        ("051200-3", ["051200", "051200-3"]),
        ("05 12 00-3", ["051200", "05 12 00", "05 12 00-3"]),
        ("05 12 00 – 3", ["051200", "05 12 00", "05 12 00 – 3"]),
        ("033100.13-01", ["033100.13", "033100.13-01"]),
        ("12", ["12"]),
        ("beam drawings", ["beam drawings"]),
        ("east-wing", ["east-wing"]),
    ],
)
def test_of_a_number_acc_is_asked_for_the_specification_part_first(words, terms):
    assert search_terms(words) == terms


@pytest.mark.parametrize(
    ("words", "likeness_expected"),
    [
        ("051200-3", "exact"),
        ("05 12 00 – 3", "exact"),
        ("STRUCTURAL steel - beam drawings, level 2", "exact"),
        ("051200-03", "near"),
        ("051200", "near"),
        ("05 12 00", "near"),
        ("beam drawings", "near"),
        ("2", "near"),
        ("512003", "near"),
        ("051200-30", None),
        ("5120033", None),
        ("051200-33", None),
        ("512", None),
        ("3", None),
        ("-3", None),
        ("0", None),
        ("column drawings", None),
    ],
)
def test_how_near_words_come_to_a_submittal(words, likeness_expected):
    assert match_quality(words, "051200-3", "Structural steel – beam drawings, Level 2") == likeness_expected


@pytest.mark.parametrize("other", ["051200-10", "051200-13", "0512001-1", "051200-11"])
def test_a_number_is_never_taken_for_one_that_merely_begins_or_ends_like_it(other):
    assert match_quality("051200-1", other, "Beams") is None


@pytest.mark.parametrize(("words", "number"), [("12", "12"), ("012", "12"), ("12", "012")])
def test_a_number_without_a_section_is_itself_but_for_zeros(words, number):
    assert match_quality(words, number, "Beams") == ("exact" if words == number else "near")


def test_a_whole_number_with_a_fraction_is_itself_unless_a_row_is_called_so():
    assert match_quality("3.0", "3", "Stairs") == "near"
    assert match_quality("3,00", "3", "Stairs") == "near"
    assert match_quality("3.0", "3.0", "Stairs") == "exact"
    assert [match_quality("3.0", number, "Stairs") for number in ("30", "3-0", "051200-3")] == [None, "exact", None]
    assert [match_quality("12.00", number, "Stairs") for number in ("1200", "12")] == [None, "near"]


@pytest.mark.parametrize("other", ["1.2", "1-2", "1 2", "1/2"])
def test_a_number_in_parts_is_not_the_one_of_all_its_digits(other):
    assert match_quality(other, "12", "Stairs") is None
    assert match_quality(f"{other} stairs", "12", "Stairs") is None
    assert match_quality("05 12", "0512", "Stairs") == "exact"


@pytest.mark.parametrize(
    "around", ["<{}>", "({}).", "[the submittal]({})", "see {}, please", "\u200b{}\u00a0", "<{}|x>"]
)
def test_an_address_is_read_as_mail_markdown_and_chats_wrap_it(around):
    address = f"https://acc.autodesk.com/build/submittals/projects/{PROJECT}/items/{ITEM}"
    assert submittal_reference(around.format(address)) == ParsedReference(id=ITEM, project_id=PROJECT)
    safe = f"https://nam02.safelinks.protection.outlook.com/?url={quote(address, safe='')}&data=05"
    assert project_reference(around.format(safe)) == ParsedReference(id=PROJECT)


@given(st.sampled_from([PROJECT, "Riverside Medical Center", "05 12 00-3"]).flatmap(surrounded))
def test_quotes_and_brackets_around_a_reference_are_removed(pasted):
    read = project_reference(pasted)
    assert read == ParsedReference(id=PROJECT) or read.words in ("Riverside Medical Center", "05 12 00-3")


@pytest.mark.parametrize(
    "around",
    [
        *("item {}", "Submittal id: {}", "urn:uuid:{}", "{{{}}}", "UUID = {}", "\u200b{}", "\u201c{}\u201d", "`{}`,"),
        *('"id": "{}"', "item_id={};", "<{}>.", "the submittal with id {}, please", "ID: \u201c{}\u201d"),
    ],
)
@pytest.mark.parametrize("dash", ["-", "\u2011", "\u2013", ""])
def test_an_id_is_read_with_words_and_dashes_as_people_paste_it(around, dash):
    assert submittal_reference(around.format(ITEM.upper().replace("-", dash))) == ParsedReference(id=ITEM)


@given(odd_texts())
def test_any_text_is_a_reference_or_is_refused(text):
    for reader in (project_reference, submittal_reference):
        try:
            reference = reader(text)
        except NotAReference:
            continue
        assert (reference.id is None) == (bool(reference.words) or not text.strip())
