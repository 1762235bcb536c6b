"""What people and agents get wrong: each has its code, a way on, and leaves nothing half done in ACC."""

import os
import re

import httpx
import pytest

from tests.support.constants import NOWHERE, STEEL_BEAMS

WRITES = (
    "attachments.create",
    "attachments.patch",
    "oss.signeds3upload.get",
    "oss.signeds3upload.complete",
    "storage.put",
)


@pytest.fixture
def era():
    """One of them is enough here: that refusals travel the same way in both is tested beside successes."""
    return "2026-07-28"


@pytest.fixture
def folder(tmp_path):
    """An allowed folder with what may and what may not be attached, and a neighbour that is not allowed."""
    allowed = tmp_path / "allowed"
    (allowed / "sub").mkdir(parents=True)
    (allowed / "beams.pdf").write_bytes(b"beams")
    (allowed / "empty.pdf").touch()
    (allowed / ".hidden.pdf").write_bytes(b"hidden")
    (tmp_path / "allowed_not").mkdir()
    (tmp_path / "allowed_not" / "secret.pdf").write_bytes(b"secret")
    return allowed


@pytest.fixture
def untouched(box):
    """Whatever the test does, ACC has afterwards what it had before, and no request asked it to change."""
    before = {item.id: box.attachments(item) for item in box.items()}
    yield
    assert {item.id: box.attachments(item) for item in box.items()} == before
    assert {operation: box.requests.count(operation) for operation in WRITES} == dict.fromkeys(WRITES, 0)


@pytest.fixture
def refused(connect, folder, untouched):
    """Attach `beams.pdf` but for what is given, be refused, and return the error and its next steps."""

    async def attach(person="manager", settings=None, **changes):
        arguments = {**STEEL_BEAMS, "file_path": "beams.pdf", **changes}
        async with connect(person, folders=(folder,), **settings or {}) as assistant:
            refusal = await assistant.refused(
                "add_submittal_attachment", **{name: value for name, value in arguments.items() if value is not None}
            )
        return refusal["error"], refusal["next_steps"]

    return attach


@pytest.mark.parametrize(
    "project", [NOWHERE, f"b.{NOWHERE}", "No such project", f"https://acc.autodesk.com/build/projects/{NOWHERE}"]
)
async def test_an_unknown_project(refused, project):
    error, steps = await refused(project=project)
    assert (error["code"], [step["tool"] for step in steps]) == ("project_not_found", ["find_projects"])


@pytest.mark.parametrize(
    "project",
    ["Rivreside Medical Center", "Riverside Medical Centre", "\u201cRivarside\u00a0medcal center\u201d", "Riverdale"],
)
async def test_a_project_that_is_a_letter_off_is_told_with_the_one_that_is_near(refused, box, project):
    error, _ = await refused(project=project)
    assert (error["code"], error["candidates"][0]["id"]) == ("project_not_found", box.project("riverside").id)


async def test_a_project_that_the_person_is_not_in(refused, box):
    error, _ = await refused("outsider", project=box.project("riverside").id)
    assert error["code"] == "project_not_found"


@pytest.mark.parametrize("project", ["Old Mill Library", "mill"])
async def test_a_bim_360_project(refused, project):
    error, steps = await refused(project=project)
    assert (error["code"], [step["tool"] for step in steps]) == ("project_not_supported", ["find_projects"])


async def test_a_project_name_that_fits_two(refused, box):
    error, steps = await refused(project="er")
    assert error["code"] == "ambiguous_reference"
    assert [(one["id"], one["name"]) for one in error["candidates"]] == [
        (box.project("harbor").id, "Harbor Point Tower"),
        (box.project("riverside").id, "Riverside Medical Center"),
    ]
    [step] = steps
    assert (step["tool"], step["needs"]) == ("add_submittal_attachment", ["project"])


@pytest.mark.parametrize("submittal", [NOWHERE, "099999-9", "No such submittal", "051200-33", "12", "--"])
async def test_an_unknown_submittal(refused, submittal):
    error, steps = await refused(submittal=submittal)
    assert (error["code"], [step["tool"] for step in steps]) == ("submittal_not_found", ["find_submittals"])


async def test_a_submittal_of_another_project(refused, box):
    error, _ = await refused(submittal=box.items(project="harbor")[0].id)
    assert error["code"] == "submittal_not_found"


async def test_a_title_that_fits_two_submittals(refused, box):
    error, steps = await refused(submittal="column shop drawings")
    assert error["code"] == "ambiguous_reference"
    assert [set(one.values()) for one in error["candidates"]] == [
        {box.item(number).id, number, box.item(number).title, box.item(number).state, None}
        for number in ("051200-4", "051200-5")
    ]
    assert steps[0]["needs"] == ["submittal"]


async def test_words_that_fit_many_submittals_list_five(refused):
    error, _ = await refused(submittal="drawings")
    assert (error["code"], len(error["candidates"])) == ("ambiguous_reference", 5)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/projects/{project}/items/{item}",
        "http://localhost\\@evil.example/projects/{project}/items/{item}",
        "https://acc.autodesk.com/somewhere/else",
    ],
)
@pytest.mark.parametrize("argument", ["project", "submittal"])
async def test_an_address_that_names_nothing_of_acc(refused, box, address, argument):
    named = address.format(project=box.project("riverside").id, item=box.item("051200-3").id)
    error, steps = await refused(**{argument: named})
    assert (error["code"], steps[0]["needs"]) == ("invalid_arguments", [argument])


async def test_an_address_of_a_submittal_in_another_project(refused, box):
    item = box.items(project="harbor")[0]
    error, steps = await refused(submittal=f"https://acc.autodesk.com/projects/{item.project_id}/items/{item.id}")
    assert (error["code"], steps[0]["needs"]) == ("invalid_arguments", ["project"])


@pytest.mark.parametrize("character", ["/", "?", "*", "\\", "<", ">", "|", ":", "\n", "\r", "\t", "\x00", "\x0c"])
async def test_a_character_that_acc_refuses_in_names(refused, character):
    error, steps = await refused(name=f"beam{character}drawings.pdf")
    assert (error["code"], steps[0]["arguments"]["name"]) == ("invalid_name", "beam-drawings.pdf")


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u200b", "\u2060"])
async def test_a_name_with_an_invisible_character(refused, character):
    error, steps = await refused(name=f"beam{character}drawings.pdf")
    assert (error["code"], [one["name"] for one in error["candidates"]]) == ("invalid_name", ["beamdrawings.pdf"])
    assert steps[0]["arguments"]["name"] == "beamdrawings.pdf"


async def test_a_name_that_is_too_long(refused):
    error, steps = await refused(name="x" * 300)
    assert (error["code"], len(steps[0]["arguments"]["name"])) == ("invalid_name", 255)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("empty.pdf", "file_empty"),
        ("sub", "file_not_allowed"),
        ("missing.pdf", "file_not_found"),
        (".hidden.pdf", "file_not_allowed"),
        ("../allowed_not/secret.pdf", "file_not_allowed"),
        ("{folder}_not/secret.pdf", "file_not_allowed"),
        ("{folder}/../allowed_not/secret.pdf", "file_not_allowed"),
        ("/etc/passwd", "file_not_allowed"),
        ("~/.ssh/id_rsa", "file_not_allowed"),
    ],
)
async def test_a_file_that_cannot_be_attached(refused, folder, path, code):
    error, steps = await refused(file_path=path.format(folder=folder))
    assert error["code"] == code
    assert [(step["tool"], step["needs"]) for step in steps] == [("add_submittal_attachment", ["file_path"])]


@pytest.mark.skipif(os.name == "nt", reason="making a link takes a privilege there")
async def test_a_link_that_leads_out(refused, folder):
    (folder / "link.pdf").symlink_to(folder.parent / "allowed_not" / "secret.pdf")
    error, _ = await refused(file_path="link.pdf")
    assert error["code"] == "file_not_allowed"


@pytest.mark.skipif(os.name == "nt", reason="there are no FIFOs there")
async def test_a_fifo_without_a_writer_is_refused_at_once(refused, folder):
    os.mkfifo(folder / "fifo.pdf")
    error, steps = await refused(file_path="fifo.pdf")
    assert (error["code"], [step["needs"] for step in steps]) == ("file_not_allowed", [["file_path"]])


@pytest.mark.skipif(os.name == "nt", reason="names may be longer there")
async def test_a_file_that_the_system_does_not_let_be_read(refused):
    error, steps = await refused(file_path="x" * 256)
    assert (error["code"], [step["needs"] for step in steps]) == ("file_not_allowed", [["file_path"]])
    assert error["message"].startswith("This path is longer than the operating system takes: ")


async def test_a_file_without_any_allowed_folder_needs_a_person(connect, untouched):
    async with connect() as assistant:
        refusal = await assistant.refused("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf")
    assert (refusal["error"]["code"], refusal["next_steps"]) == ("file_not_allowed", [])
    assert "SUBMITTAL_MCP_FOLDERS" in refusal["error"]["hint"]


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"file_types": ("dwg", "xlsx")}, "file_type_not_allowed"), ({"max_file_bytes": 4}, "file_too_large")],
)
async def test_a_file_that_the_settings_forbid(refused, settings, code):
    error, steps = await refused(settings=settings)
    assert (error["code"], steps[0]["needs"]) == (code, ["file_path"])


async def test_a_path_that_exists_under_two_folders(connect, folder, untouched):
    other = folder.parent / "other"
    other.mkdir()
    (other / "beams.pdf").write_bytes(b"other beams")
    async with connect(folders=(folder, other)) as assistant:
        refusal = await assistant.refused("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf")
    assert refusal["error"]["code"] == "ambiguous_reference"
    assert {one["id"] for one in refusal["error"]["candidates"]} == {
        str(folder / "beams.pdf"),
        str(other / "beams.pdf"),
    }
    assert refusal["next_steps"][0]["needs"] == ["file_path"]


@pytest.mark.parametrize(("number", "word"), [("033100-1", "closed"), ("084413-1", "void")])
async def test_a_submittal_that_takes_no_attachment_any_more(refused, number, word):
    error, steps = await refused(submittal=number)
    assert (error["code"], word in error["message"]) == ("submittal_closed", True)
    assert "A submittals manager can reopen" in error["hint"]
    assert steps == []


async def test_words_are_not_ambiguous_between_a_project_that_is_allowed_and_one_that_is_not(connect, box):
    async with connect(projects=(box.project("harbor").id,)) as assistant:
        answer = await assistant.call("find_submittals", project="er")
    assert {row["id"] for row in answer["submittals"]} == {item.id for item in box.items(project="harbor")}


async def test_a_manager_without_a_review_task_where_acc_lets_only_reviewers_attach(refused, box):
    box.switches.managers_attach_in_review = False
    error, steps = await refused(submittal="053100-1")
    assert (error["code"], steps) == ("permission_denied", [])


async def test_a_review_task_of_another_submittal(refused, box):
    error, steps = await refused(submittal="052100-1", task_id=box.tasks(box.item("053100-1"))[0].id)
    assert error["code"] == "task_required"
    assert error["message"] == "'task_id' is none of this submittal's review tasks."
    [mine] = error["candidates"]
    assert re.fullmatch(r"review step 1, required, due \d{4}-\d\d-\d\d", mine["name"])
    assert steps[0]["needs"] == ["task_id"]


async def test_a_task_outside_of_review(refused):
    error, steps = await refused(task_id=NOWHERE)
    assert error["code"] == "invalid_arguments"
    assert "task_id" not in steps[0]["arguments"]


@pytest.mark.parametrize(
    ("number", "category", "allowed"),
    [
        ("051200-2", "for_review", ["submission", "final_response"]),
        ("051200-3", "review_response", ["for_review", "submission", "final_response"]),
        ("052100-1", "submission", ["review_response", "final_response"]),
        ("033100-2", "submission", ["final_response"]),
    ],
)
async def test_a_category_that_may_not_be_chosen(refused, number, category, allowed):
    error, steps = await refused(submittal=number, category=category)
    assert (error["code"], [one["id"] for one in error["candidates"]]) == ("invalid_category", allowed)
    assert steps[0]["needs"] == ["category"]


async def test_a_user_who_may_not_attach(refused):
    error, steps = await refused("member")
    assert (error["code"], steps) == ("permission_denied", [])
    assert "a submittals manager, can attach" in error["hint"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"file_path": None}, "Exactly one of file_path, file_urn, upload_by_caller must be given; there is none."),
        (
            {"upload_by_caller": True},
            "Exactly one of file_path, file_urn, upload_by_caller must be given; there is file_path and upload_by_caller.",
        ),
        (
            {"file_path": None, "upload_by_caller": True, "name": "a.pdf", "confirm": True},
            "'confirm' does not go with upload_by_caller: there are no bytes yet.",
        ),
        (
            {"file_path": None, "upload_by_caller": True},
            "'name' is missing: with upload_by_caller the server does not see the file.",
        ),
        ({"filepath": "beams.pdf"}, "unknown argument 'filepath' (did you mean 'file_path'?)."),
        ({"confirm": "perhaps"}, "'confirm' must be true or false, for example true."),
        (
            {"file_path": None, "file_urn": "urn:adsk.wipprod:fs.folder:co.X"},
            "'file_urn' is not a version URN (urn:adsk.…:fs.file:vf.…?version=N), nor a file's address in ACC.",
        ),
    ],
)
async def test_arguments_that_do_not_make_a_call(refused, changes, sentence):
    error, steps = await refused(**changes)
    assert (error["code"], error["message"]) == ("invalid_arguments", sentence)
    assert [step["tool"] for step in steps] == ["add_submittal_attachment"]


async def test_over_http_a_path_is_no_argument(connect, untouched):
    async with connect(transport="http") as assistant:
        refusal = await assistant.refused("add_submittal_attachment", **STEEL_BEAMS, file_path="/etc/passwd")
    assert refusal["error"]["message"] == "unknown argument 'file_path'."
    assert "file_path" not in refusal["error"]["hint"]


@pytest.mark.parametrize("project", ["harbor", None])
async def test_a_version_that_the_target_project_does_not_have(refused, box, project):
    path = "Project Files/03 Shop Drawings/pile-cap-drawings.pdf"
    urn = box.file(path, project).version_urn if project else "urn:adsk.wipprod:fs.file:vf.nosuchfile?version=1"
    error, steps = await refused(file_path=None, file_urn=urn)
    assert (error["code"], steps[0]["needs"]) == ("file_not_found", ["file_urn"])


@pytest.mark.parametrize("tool", ["confirm_attachment", "get_attachment_status"])
async def test_an_unknown_attachment(connect, untouched, tool):
    async with connect() as assistant:
        refusal = await assistant.refused(tool, **STEEL_BEAMS, attachment_id=NOWHERE)
        assert refusal["error"]["code"] == "attachment_not_found"
        assert (await assistant.follow(refusal["next_steps"][0]))["attachments"]


async def test_confirming_before_any_byte_changes_nothing_and_stays_possible(connect, box):
    async with connect() as assistant:
        added = await assistant.call("add_submittal_attachment", **STEEL_BEAMS, upload_by_caller=True, name="beams.pdf")
        for _ in range(2):
            refusal = await assistant.refused(
                "confirm_attachment", **STEEL_BEAMS, attachment_id=added["attachment"]["id"]
            )
            assert refusal["error"]["code"] == "upload_incomplete"
        assert box.requests.count("attachments.patch") == 0
        async with httpx.AsyncClient() as caller:
            await caller.put(added["upload"]["url"], content=b"beams")
        confirmed = await assistant.call("confirm_attachment", **STEEL_BEAMS, attachment_id=added["attachment"]["id"])
    assert confirmed["attachment"]["state"] in ("processing", "ready")


async def test_confirming_another_users_reservation(connect, box):
    place = {**STEEL_BEAMS, "submittal": "051200-2"}
    async with connect("steel") as steel:
        added = await steel.call("add_submittal_attachment", **place, upload_by_caller=True, name="beams.pdf")
    async with connect("manager") as manager:
        refusal = await manager.refused("confirm_attachment", **place, attachment_id=added["attachment"]["id"])
    assert refusal["error"]["code"] == "permission_denied"
    assert box.requests.count("attachments.patch") == 0


async def test_one_key_for_two_files(connect, box, folder):
    (folder / "columns.pdf").write_bytes(b"columns")
    async with connect(folders=(folder,)) as assistant:
        await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf", idempotency_key="k")
        refusal = await assistant.refused(
            "add_submittal_attachment", **STEEL_BEAMS, file_path="columns.pdf", idempotency_key="k"
        )
    assert (refusal["error"]["code"], refusal["next_steps"][0]["needs"]) == (
        "idempotency_conflict",
        ["idempotency_key"],
    )
    assert box.requests.count("attachments.create") == 1


async def test_without_a_sign_in(connect, untouched):
    async with connect(None) as assistant:
        refusal = await assistant.refused("find_projects")
        assert (refusal["error"]["code"], refusal["next_steps"][0]["tool"]) == ("not_signed_in", "sign_in")
        told = await assistant.refused("sign_in")
    assert (told["error"]["code"], told["next_steps"]) == ("not_signed_in", [])
    assert "APS_ACCESS_TOKEN" in told["error"]["hint"]


async def test_a_sign_in_that_is_over(connect, box, untouched):
    async with connect() as assistant:
        await assistant.call("find_projects")
        box.clock.move(4000)
        refusal = await assistant.refused("get_submittal", **STEEL_BEAMS)
    assert (refusal["error"]["code"], refusal["next_steps"][0]["tool"]) == ("reauthorization_required", "sign_in")
    assert refusal["error"]["http_status"] == 401


@pytest.mark.parametrize("tool", ["add_submittal_attachment", "confirm_attachment"])
async def test_a_server_that_only_reads(connect, untouched, tool):
    async with connect(read_only=True) as assistant:
        refusal = await assistant.refused(tool, **STEEL_BEAMS, attachment_id=NOWHERE)
        assert (refusal["error"]["code"], refusal["next_steps"]) == ("read_only", [])
        seen = await assistant.call("get_submittal", **STEEL_BEAMS)
    assert (seen["submittal"]["can_attach"], seen["next_steps"]) == (True, [])


@pytest.mark.parametrize("project", ["Riverside Medical Center", "riverside", None])
async def test_a_project_that_the_settings_leave_out(connect, box, untouched, project):
    async with connect(projects=(box.project("harbor").id,)) as assistant:
        refusal = await assistant.refused(
            "get_submittal", project=project or box.project("riverside").id, submittal="1"
        )
        assert refusal["error"]["code"] == "project_not_allowed"
        listed = await assistant.follow(refusal["next_steps"][0])
    assert [row["name"] for row in listed["projects"]] == ["Harbor Point Tower"]
