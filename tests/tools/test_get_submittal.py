"""Looking at a submittal: what it is, and what this person may do with it in each state."""

import pytest

from acc_sandbox import Fault, Refuse

pytestmark = pytest.mark.either_era

RIVERSIDE = "Riverside Medical Center"


@pytest.mark.parametrize(
    ("number", "state", "can_attach", "categories"),
    [
        ("092900-Unspecified", "draft", True, ["submission", "final_response"]),
        ("051200-2", "sbc-1", True, ["submission", "final_response"]),
        ("051200-3", "mgr-1", True, ["for_review", "submission", "final_response"]),
        ("052100-1", "rev", True, ["review_response", "final_response"]),
        ("053100-1", "rev", True, ["review_response", "final_response"]),
        ("033100-2", "mgr-2", True, ["final_response"]),
        ("033100-1", "sbc-2", False, []),
        ("084413-1", "void", False, []),
    ],
)
async def test_a_manager_sees_in_each_state_what_may_be_attached(connect, box, number, state, can_attach, categories):
    async with connect() as assistant:
        answer = await assistant.call("get_submittal", project=RIVERSIDE, submittal=number)
    shown = answer["submittal"]
    item = box.item(number)
    assert (shown["id"], shown["number"], shown["title"], shown["state"]) == (item.id, number, item.title, state)
    assert (shown["can_attach"], shown["allowed_categories"]) == (can_attach, categories)
    assert bool(shown["my_tasks"]) == (number == "052100-1")
    attaching = [step for step in answer["next_steps"] if step["tool"] == "add_submittal_attachment"]
    assert bool(attaching) == can_attach


async def test_where_acc_lists_no_categories_any_of_the_four_may_be_chosen(connect, box):
    create = {"id": "Attachment::create", "fields": {"categoryId": []}}
    item = {"id": box.item("051200-3").id, "stateId": "mgr-1", "permittedActions": [create]}
    box.faults.add(Fault("items.get", Refuse(200, item)))
    async with connect() as assistant:
        answer = await assistant.call("get_submittal", project=RIVERSIDE, submittal=item["id"])
    assert answer["submittal"]["allowed_categories"] == [
        "for_review",
        "submission",
        "review_response",
        "final_response",
    ]


async def test_of_two_numbers_that_look_alike_the_one_written_so_is_meant(connect, box):
    rows = [
        {"id": box.item("051200-2").id, "customIdentifierHumanReadable": "11-1"},
        {"id": box.item("051200-3").id, "customIdentifierHumanReadable": "11-01"},
    ]
    box.faults.add(Fault("items.list", Refuse(200, {"pagination": {"totalResults": 2}, "results": rows}), times=None))
    async with connect() as assistant:
        answer = await assistant.call("get_submittal", project=RIVERSIDE, submittal="11-01")
        refusal = await assistant.refused("get_submittal", project=RIVERSIDE, submittal="11 - 001")
    assert answer["submittal"]["id"] == box.item("051200-3").id
    assert refusal["error"]["code"] == "ambiguous_reference"


async def test_permitted_actions_of_a_submittal_carry_fields_for_attaching_alone(connect):
    async with connect() as assistant:
        answer = await assistant.call("get_submittal", project=RIVERSIDE, submittal="051200-3")
    actions = {action["id"]: action for action in answer["submittal"]["permittedActions"]}
    create = actions.pop("Attachment::create")
    assert create["fields"]["categoryId"] == ["1", "4"]
    assert create["mandatoryFields"] == ["urnTypeId", "name"]
    assert "Item::wf_transition" in actions
    assert all(set(action) == {"id"} for action in actions.values())


async def test_an_attachment_is_a_row_of_few_fields_whose_status_has_the_rest(connect):
    place = {"project": RIVERSIDE, "submittal": "051200-3"}
    async with connect() as assistant:
        [row] = (await assistant.call("get_submittal", **place))["attachments"]
        [listed] = (await assistant.call("get_attachment_status", **place))["attachments"]
        whole = (await assistant.call("get_attachment_status", **place, attachment_id=row["id"]))["attachment"]
    assert listed == row
    ids = [{"id": action["id"]} for action in whole["permittedActions"]]
    assert row == {name: whole[name] for name in row} | {"permittedActions": ids}
    assert [action["id"] for action in ids] == [
        "Attachment::retrieve",
        "Attachment::partial_update",
        "Attachment::destroy",
        "Attachment::annotate",
    ]
    assert set(whole) - set(row) == {
        "project_id",
        "submittal_id",
        "task_id",
        "sha256",
        "verified",
        "version_urn",
        "urn_version",
        "async_state",
        "duplicated_from",
        "created_by",
        "created_by_name",
        "updated_at",
        "updated_by",
        "web_url",
    }
    assert whole["web_url"].endswith(f"/items/{whole['submittal_id']}")


async def test_permitted_actions_of_an_attachment_are_those_that_acc_gave_without_empty_members(connect, box):
    attachment_id = str(box.attachments(box.item("051200-3"))[0]["id"])
    async with connect() as assistant:
        place = {"project": RIVERSIDE, "submittal": "051200-3", "attachment_id": attachment_id}
        attachment = (await assistant.call("get_attachment_status", **place))["attachment"]
    assert attachment["permittedActions"] == [
        {"id": "Attachment::retrieve"},
        {"id": "Attachment::partial_update", "fields": {"isFileUploaded": [True], "sendEmails": [True, False]}},
        {"id": "Attachment::destroy"},
        {"id": "Attachment::annotate"},
    ]


async def test_a_reviewer_sees_the_task_that_is_theirs(connect, box):
    item = box.item("053100-1")
    async with connect("engineer") as assistant:
        answer = await assistant.call("get_submittal", project=RIVERSIDE, submittal="053100-1")
    [task] = answer["submittal"]["my_tasks"]
    assert task["id"] in {one.id for one in box.tasks(item) if one.assigned_to == box.person("engineer").autodesk_id}
    assert answer["submittal"]["in_my_court"] is True
    assert answer["next_steps"][0]["arguments"]["task_id"] == task["id"]


async def test_a_task_of_a_company_is_mine_when_acc_lets_me_close_it(connect):
    async with connect("architect") as assistant:
        answer = await assistant.call("get_submittal", project=RIVERSIDE, submittal="079200-1")
    assert len(answer["submittal"]["my_tasks"]) == 1


async def test_a_read_only_user_is_offered_nothing_to_attach(connect):
    async with connect("member") as assistant:
        answer = await assistant.call("get_submittal", project=RIVERSIDE, submittal="051200-3")
    assert (answer["submittal"]["can_attach"], answer["submittal"]["allowed_categories"]) == (False, [])
    assert answer["next_steps"] == []


@pytest.mark.parametrize(
    "spelling",
    ["05 12 00-3", "051200 \u2013 3", "structural steel beam shop drawings", "beam shop"],
)
async def test_a_submittal_is_found_however_people_call_it(connect, box, spelling):
    async with connect() as assistant:
        answer = await assistant.call("get_submittal", project="riverside", submittal=spelling)
    assert answer["submittal"]["id"] == box.item("051200-3").id


async def test_a_submittal_is_found_by_its_ids_and_by_its_address(connect, box):
    project, item = box.project("riverside").id, box.item("051200-3").id
    address = f"https://acc.autodesk.eu/build/submittals/projects/{project}/items/{item}"
    async with connect() as assistant:
        for named in ((project, item), (f"b.{project}", item.upper()), (address, address)):
            answer = await assistant.call("get_submittal", project=named[0], submittal=named[1])
            assert answer["submittal"]["id"] == item


async def test_a_void_submittal_is_found_by_its_number(connect, box):
    async with connect() as assistant:
        answer = await assistant.call("get_submittal", project=RIVERSIDE, submittal="084413-1")
    assert answer["submittal"]["state"] == "void"


async def test_a_number_that_acc_cannot_search_for_is_found_all_the_same(connect, box):
    box.faults.add(Fault("items.list", Refuse(200, {"pagination": {"totalResults": 0}, "results": []}), times=4))
    async with connect() as assistant:
        answer = await assistant.call("get_submittal", project=RIVERSIDE, submittal="051200-3")
    assert answer["submittal"]["id"] == box.item("051200-3").id


async def test_attachments_come_once_each_over_all_pages_newest_first(connect, box, tmp_path):
    names = [f"sheet-{number}.pdf" for number in range(5)]
    async with connect(folders=(tmp_path,)) as assistant:
        place = {"project": RIVERSIDE, "submittal": "051200-2"}
        for name in names:
            (tmp_path / name).write_text(name)
            await assistant.call("add_submittal_attachment", **place, file_path=name)
        for tool in ("get_submittal", "get_attachment_status"):
            found: list[str] = []
            answer = await assistant.call(tool, **place, limit=2)
            while True:
                found += [row["name"] for row in answer["attachments"]]
                if answer["next_cursor"] is None:
                    break
                answer = await assistant.call(tool, **place, limit=2, cursor=answer["next_cursor"])
            assert found == names[::-1]


async def test_hostile_text_of_acc_comes_as_cleaned_data(connect, box):
    item = {
        "id": box.item("051200-3").id,
        "title": "Beam\u202e drawings\u200b",
        "stateId": "mgr-1",
        "specTitle": "x" * 3000,
        "ballInCourtType": "man\u0007ager",
        "permittedActions": [{"id": "Attachment::create\u2066", "fields": {}}],
    }
    box.faults.add(Fault("items.get", Refuse(200, item)))
    async with connect() as assistant:
        shown = (await assistant.call("get_submittal", project=RIVERSIDE, submittal=item["id"]))["submittal"]
    assert (shown["title"], shown["court"], len(shown["spec"])) == ("Beam drawings", "manager", 1000)
    assert shown["permittedActions"] == [{"id": "Attachment::create"}]
    assert shown["can_attach"] is False, "what ACC wrote is not the permission, however it looks once cleaned"


async def test_a_submittal_says_who_has_it_in_words_and_names_and_where_people_see_it(connect, box):
    async with connect() as assistant:
        answer = await assistant.call("get_submittal", project=RIVERSIDE, submittal="052100-1")
        listed = await assistant.call("find_submittals", project=RIVERSIDE, query="052100-1")
    shown = answer["submittal"]
    item = box.item("052100-1")
    assert shown["state_text"] == "in review"
    steel = box.person("steel")
    assert shown["contractor"] == {"type": "user", "id": steel.autodesk_id, "name": "Steel Subcontractor"}
    reviewers = [one["reviewer"]["name"] for step in shown["review_steps"] for one in step["reviewers"]]
    assert reviewers == ["Project Manager", "Structural Engineer"]
    assert [step["status"] for step in shown["review_steps"]] == ["in-progress", "not-started"]
    assert shown["dates"]["sent_to_review"]
    assert shown["web_url"] == f"{box.base_url}/projects/{box.project().id}/items/{item.id}"
    [row] = listed["submittals"]
    assert {name: row[name] for name in ("state_text", "with_whom", "web_url")} == {
        name: shown[name] for name in ("state_text", "with_whom", "web_url")
    }


@pytest.mark.parametrize(
    ("person", "submittal", "words"),
    [
        ("manager", "033100-1", "The submittal is closed"),
        ("member", "051200-3", "does not let this person attach"),
        ("manager", "051200-3", None),
    ],
)
async def test_a_submittal_says_why_a_file_cannot_be_attached(connect, person, submittal, words):
    async with connect(person) as assistant:
        shown = (await assistant.call("get_submittal", project=RIVERSIDE, submittal=submittal))["submittal"]
    assert shown["can_attach"] == (words is None)
    assert (words in shown["attach_refusal"]) if words else (shown["attach_refusal"] is None)


async def test_a_closed_submittal_has_no_ball_in_court_and_shows_its_response(connect):
    async with connect() as assistant:
        shown = (await assistant.call("get_submittal", project=RIVERSIDE, submittal="033100-1"))["submittal"]
    assert (shown["state_text"], shown["with_whom"]) == ("closed", [])
    assert shown["response"]


async def test_the_states_that_a_person_may_move_it_to_are_told_with_what_acc_wants_for_it(connect):
    async with connect() as assistant:
        shown = (await assistant.call("get_submittal", project=RIVERSIDE, submittal="051200-3"))["submittal"]
    async with connect("member") as reader:
        none = (await reader.call("get_submittal", project=RIVERSIDE, submittal="051200-3"))["submittal"]
    by_state = {one["to"]: one for one in shown["transitions"]}
    assert by_state["rev"] == {
        "id": "mgr-1::rev",
        "to": "rev",
        "to_text": "in review",
        "mandatory_fields": by_state["rev"]["mandatory_fields"],
    }
    assert all(one["to_text"] != "unknown" for one in shown["transitions"])
    assert none["transitions"] == []


@pytest.mark.parametrize("transitions", [[""], None, [["x"]], [{"id": "sbc-1::mgr-1", "stateTo": None}]])
async def test_transitions_of_another_shape_harm_nothing(connect, box, transitions):
    moving = {"id": "Item::wf_transition", "transitions": transitions, "mandatoryFields": [["stateId"]]}
    item = {"id": box.item("051200-3").id, "stateId": "sbc-1", "permittedActions": [moving]}
    box.faults.add(Fault("items.get", Refuse(200, item)))
    async with connect() as assistant:
        shown = (await assistant.call("get_submittal", project=RIVERSIDE, submittal=item["id"]))["submittal"]
    assert [one["to_text"] for one in shown["transitions"]] in ([], ["unknown"])


@pytest.mark.parametrize("number", ["033100-1", "033100-2"])
async def test_after_a_review_the_answers_of_its_reviewers_are_shown(connect, box, number):
    async with connect() as assistant:
        shown = (await assistant.call("get_submittal", project=RIVERSIDE, submittal=number))["submittal"]
    [step] = shown["review_steps"]
    [answer] = step["reviewers"]
    assert (step["status"], answer["reviewer"]["name"]) == ("completed", box.person("engineer").name)
    assert answer["response"]
    assert answer["responded_at"]
    assert shown["my_tasks"] == []


async def test_a_past_review_that_acc_does_not_show_is_left_out(connect, box):
    box.faults.add(Fault("steps.list", Refuse(403)))
    async with connect() as assistant:
        shown = (await assistant.call("get_submittal", project=RIVERSIDE, submittal="033100-1"))["submittal"]
    assert (shown["state"], shown["review_steps"]) == ("sbc-2", [])
