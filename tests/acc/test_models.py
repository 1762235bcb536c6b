"""Models read what the services really send."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from acc.models.base import ResultPage
from acc.models.files import (
    DownloadLink,
    FileVersion,
    JsonApiResource,
    Project,
    ResourceListing,
    SignedUrl,
    UploadUrls,
    url_expires_at,
)
from acc.models.submittals import (
    AsyncState,
    Attachment,
    Item,
    PermittedAction,
    ReviewResponse,
    Step,
)

SIGNED = (
    "https://s3.amazonaws.com/signed-url-uploads/1?X-Amz-Date=20241109T194437Z&X-Amz-Expires=120&X-Amz-Signature=SIG"
)


@pytest.mark.parametrize("sent", ["1", 1])
def test_an_enumeration_may_be_a_string_or_a_number(sent: object) -> None:
    attachment = Attachment.model_validate({"id": "a", "categoryId": sent, "asyncState": sent})

    assert attachment.category_id == "1"
    assert attachment.async_state == AsyncState.PENDING == "1"


def test_an_unknown_value_is_kept() -> None:
    attachment = Attachment.model_validate({"id": "a", "categoryId": "99", "asyncState": "paused", "novelty": {"x": 1}})

    assert (attachment.category_id, attachment.async_state) == ("99", "paused")
    assert attachment.model_extra == {"novelty": {"x": 1}}


@pytest.mark.parametrize(
    ("sent", "read"), [(True, True), ("true", True), (False, False), ("false", False), (None, False)]
)
def test_a_boolean_may_be_written_as_a_string(sent: object, read: bool) -> None:
    assert Attachment.model_validate({"id": "a", "isFileUploaded": sent}).is_file_uploaded is read


@pytest.mark.parametrize(
    "sent",
    [
        "2024-11-07T13:31:28.812408Z",
        "2024-11-07 13:31:28.812408+00:00",
        "2024-11-07T14:31:28.812408+01:00",
        "2024-11-07T13:31:28.8124080",
        "2024-11-07T13:31:28.812408",
    ],
)
def test_a_time_is_in_utc_whichever_format_it_came_in(sent: str) -> None:
    item = Item.model_validate(
        {"id": "i", "createdAt": sent, "revisionsFoldersUrns": {"0": {"folderUrnCreatedAt": sent}}}
    )

    assert item.created_at == datetime(2024, 11, 7, 13, 31, 28, 812408, tzinfo=UTC)
    assert item.created_at.tzinfo is UTC
    assert item.revisions_folders_urns is not None
    assert item.revisions_folders_urns["0"].folder_urn_created_at == item.created_at


@pytest.mark.parametrize("sent", ["2024-11-23", "2024-11-23T08:00:00.000000Z"])
def test_a_day_is_a_day_even_with_a_time_behind_it(sent: str) -> None:
    assert Item.model_validate({"id": "i", "dueDate": sent}).due_date == date(2024, 11, 23)


@settings(deadline=None)
@given(
    sent=st.none()
    | st.text(max_size=30)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.lists(st.text(), max_size=2)
)
def test_a_time_or_day_that_cannot_be_read_does_not_hide_the_item(sent: object) -> None:
    item = Item.model_validate({"id": "i", "title": "Beam", "createdAt": sent, "dueDate": sent})

    assert item.title == "Beam"
    assert item.created_at is None or item.created_at.tzinfo is UTC
    assert item.due_date is None or type(item.due_date) is date


def test_an_item_needs_nothing_but_its_id() -> None:
    nulls: dict[str, Any] = {
        field.alias: None for name, field in Item.model_fields.items() if name != "id" and field.alias
    }

    item = Item.model_validate({"id": "i", **nulls, "revision": 0})

    assert (item.title, item.raw_permitted_actions, item.watchers, item.ball_in_court_users) == ("", [], [], [])
    with pytest.raises(ValidationError):
        Item.model_validate({"title": "no id"})


def test_a_failure_to_parse_does_not_quote_the_answer() -> None:
    with pytest.raises(ValidationError) as caught:
        UploadUrls.model_validate({"uploadKey": "k", "urls": SIGNED})

    assert "SIG" not in str(caught.value)


def test_permitted_actions_are_passed_on_as_they_came() -> None:
    raw = [
        {
            "transitions": [{"id": "sbc-1::void", "transitionFields": None, "mandatoryFields": None, "actionId": None}],
            "id": "Item::wf_transition",
            "mandatoryFields": ["stateId"],
            "fields": {"stateId": [], "sendEmails": [True, False]},
            "future": 1,
        },
        {"id": "Attachment::create", "fields": {"categoryId": ["4"]}, "mandatoryFields": None},
        {"id": "Item::retrieve", "fields": None},
    ]

    item = Item.model_validate({"id": "i", "permittedActions": raw})

    assert item.raw_permitted_actions == raw
    assert [list(action) for action in item.raw_permitted_actions] == [list(action) for action in raw]
    move = item.permitted("Item::wf_transition")
    assert move is not None
    (transition,) = move.transitions
    assert (transition.id, transition.transition_fields, transition.mandatory_fields) == ("sbc-1::void", [], [])


WAY = {"id": "sbc-1::mgr-1"}


@pytest.mark.parametrize(
    ("sent", "passed_on", "read", "incomplete"),
    [
        (None, [], [], False),
        ([], [], [], False),
        ([{"id": "a", "transitions": [""]}], [{"id": "a", "transitions": [""]}], ["a"], False),
        ([{"id": "a", "transitions": {"id": "x"}}], [{"id": "a", "transitions": {"id": "x"}}], ["a"], False),
        (
            [{"id": "a", "mandatoryFields": 7, "fields": [""]}],
            [{"id": "a", "mandatoryFields": 7, "fields": [""]}],
            ["a"],
            False,
        ),
        ([{"fields": {}}, {"id": "b"}], [{"fields": {}}, {"id": "b"}], ["", "b"], False),
        ([{"id": ["x"]}, {"id": "b"}], [{"id": ["x"]}, {"id": "b"}], ["", "b"], False),
        (["", {"id": "b"}], [{"id": "b"}], ["b"], True),
        ([None, {"id": "b"}], [{"id": "b"}], ["b"], True),
        ([[{"id": "b"}]], [], [], True),
        ([""], [], [], True),
        ({"id": "b"}, [], [], True),
        ("Attachment::create", [], [], True),
    ],
)
def test_an_odd_action_ends_nothing_and_what_is_no_object_is_told(
    sent: object, passed_on: object, read: list[str], incomplete: bool
) -> None:
    item = Item.model_validate({"id": "i", "title": "Beam", "permittedActions": sent})

    assert item.title == "Beam"
    assert item.raw_permitted_actions == passed_on
    assert [PermittedAction.model_validate(action).id for action in item.raw_permitted_actions] == read
    assert item.permitted_actions_incomplete is incomplete


@pytest.mark.parametrize(
    ("sent", "ways"),
    [
        ([WAY], ["sbc-1::mgr-1"]),
        (["", WAY, None], ["sbc-1::mgr-1"]),
        ([[WAY]], ["sbc-1::mgr-1"]),
        ([""], []),
        (None, []),
        ("", []),
        ([{"name": "no id"}], []),
        ([{**WAY, "stateTo": "mgr-1", "transitionFields": {"a": 1}}], ["sbc-1::mgr-1"]),
    ],
)
def test_transitions_are_read_in_every_documented_shape(sent: object, ways: list[str]) -> None:
    action = PermittedAction.model_validate({"id": "Item::wf_transition", "transitions": sent})

    assert [way.id for way in action.transitions] == ways


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        (["a", "b"], ["a", "b"]),
        ([["a", "b"]], ["a", "b"]),
        ([["a"], ["b", [""]]], ["a", "b"]),
        ([""], []),
        (None, []),
        ("a", []),
        (["a", {"b": 1}], ["a"]),
    ],
)
def test_mandatory_fields_are_read_in_every_documented_shape(sent: object, names: list[str]) -> None:
    assert PermittedAction.model_validate({"id": "x", "mandatoryFields": sent}).mandatory_fields == names


def test_a_row_of_a_job_keeps_the_actions_as_they_came() -> None:
    raw = [{"id": "Attachment::update", "transitions": [""], "future": {"x": None}}]
    attachment = Attachment.model_validate({"id": "a", "permittedActions": raw})

    again = Attachment.model_validate(attachment.model_dump(mode="json", by_alias=True))

    assert again.raw_permitted_actions == raw


def test_an_unreadable_element_of_a_list_leaves_the_others() -> None:
    item = Item.model_validate(
        {"id": "i", "ballInCourtUsers": ["A", None, {"id": "B"}, "C"], "watchers": [{"id": "W"}, {"userType": "1"}, ""]}
    )

    assert item.ball_in_court_users == ["A", "C"]
    assert [watcher.id for watcher in item.watchers] == ["W"]


@pytest.mark.parametrize("odd", [True, {"x": 1}, ["x"], float("nan"), float("inf"), 10**400, -(2**53), "x"])
def test_a_number_that_is_none_or_too_large_for_others_is_left_out(odd: object) -> None:
    step = Step.model_validate({"id": "s", "status": "in-progress", "stepNumber": odd, "daysToRespond": 3})

    assert step.step_number in (None, 1)
    assert (step.status, step.days_to_respond) == ("in-progress", 3)


@pytest.mark.parametrize("odd", ["", ".", "..", "a\x00b", "a\nb", None, {}, []])
def test_an_id_that_no_request_could_name_is_no_id(odd: object) -> None:
    with pytest.raises(ValidationError):
        Item.model_validate({"id": odd})
    with pytest.raises(ValidationError):
        ResourceListing.model_validate({"data": [{"type": "folders", "id": odd}]})


@pytest.mark.parametrize("content", [{}, {"results": [1]}, {"results": {}}, {"pagination": {"totalResults": 0}}])
def test_a_page_without_its_rows_is_no_empty_page(content: object) -> None:
    with pytest.raises(ValidationError):
        ResultPage[Item].model_validate(content)


def test_an_action_tells_what_may_be_given() -> None:
    item = Item.model_validate(
        {"id": "i", "permittedActions": [{"id": "Attachment::create", "fields": {"categoryId": ["4"], "name": []}}]}
    )

    create = item.permitted("Attachment::create")

    assert isinstance(create, PermittedAction)
    assert create.allowed_values("categoryId") == ["4"]
    assert create.allowed_values("name") == []
    assert create.allowed_values("taskId") is None
    assert item.permitted("Attachment::destroy") is None


def test_a_number_of_days_may_be_a_fraction() -> None:
    step = Step.model_validate({"id": "s", "stepNumber": 1.0, "daysToRespond": 2.5})

    assert (step.step_number, step.days_to_respond) == (1, 2.5)


def test_a_review_response_is_read_with_its_category() -> None:
    response = ReviewResponse.model_validate({"id": "r", "value": "Rejected", "categoryId": 3, "isApproval": False})

    assert (response.category_id, response.is_approval) == ("3", False)


def test_a_signed_url_expires_when_its_own_query_says() -> None:
    urls = UploadUrls.model_validate({"uploadKey": "k", "urls": [SIGNED], "urlExpiration": "2024-11-09T19:54:47Z"})

    assert urls.urls[0].value == SIGNED
    assert urls.urls[0].expires_at == datetime(2024, 11, 9, 19, 46, 37, tzinfo=UTC)
    assert urls.url_expiration == datetime(2024, 11, 9, 19, 54, 47, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://h/x",
        "https://h/x?X-Amz-Date=20241109T194437Z",
        "https://h/x?X-Amz-Date=today&X-Amz-Expires=1",
        "https://h/x?X-Amz-Date=20241109T194437Z&X-Amz-Expires=" + "9" * 30,
        "https://[/?",
    ],
)
def test_a_url_that_does_not_say_when_it_expires_is_no_error(url: str) -> None:
    assert url_expires_at(url) is None


def test_signed_urls_and_upload_keys_are_never_shown() -> None:
    link = DownloadLink.model_validate(
        {"status": "complete", "url": SIGNED, "urls": {"0-1": SIGNED}, "size": 3, "later": SIGNED}
    )
    urls = UploadUrls.model_validate({"uploadKey": "SECRET-KEY", "urls": [SIGNED], "later": SIGNED})

    shown = " ".join(f"{value!r} {value}" for value in (link, urls, urls.urls, SignedUrl(SIGNED)))

    assert "SIG" not in shown.replace("SignedUrl", "")
    assert "SECRET-KEY" not in shown
    assert link.url == SignedUrl(SIGNED)
    assert link.urls == {"0-1": SignedUrl(SIGNED)}


def test_resources_are_of_the_class_their_type_names() -> None:
    listing = ResourceListing.model_validate(
        {
            "data": [
                {"type": "folders", "id": "f"},
                {"type": "items", "id": "i"},
                {"type": "comets", "id": "c", "tail": 1},
            ],
            "included": [{"type": "versions", "id": "v", "attributes": {"displayName": "doc.pdf", "storageSize": 7}}],
        }
    )

    assert [type(resource).__name__ for resource in listing.data] == ["Folder", "FileItem", "JsonApiResource"]
    assert [(version.name, version.size_bytes) for version in listing.versions] == [("doc.pdf", 7)]
    assert type(listing.data[2]) is JsonApiResource
    assert listing.data[2].model_extra == {"tail": 1}


def test_a_file_and_its_newest_version_point_to_each_other(examples: dict[str, Any]) -> None:
    contents = ResourceListing.model_validate(examples["dm.folderContents"]["response"]["body"])
    (item,), (version,) = contents.items, contents.versions

    assert (item.name, item.tip_id) == ("doc.pdf", version.id)
    assert (version.related_id("item"), version.version_number, version.size_bytes) == (item.id, 1, 12345)
    assert version.modified_at == datetime(2024, 11, 9, 19, 39, 28, 779314, tzinfo=UTC)


def test_a_project_points_to_its_hub(examples: dict[str, Any]) -> None:
    (project,) = ResourceListing.model_validate(examples["dm.projects"]["response"]["body"]).projects

    assert (project.name, project.project_type) == ("my project", "ACC")
    assert project.related_id("hub") == "b.622cb5d1-581b-4a46-a6d9-4ebc68ea4051"


def test_warnings_of_a_listing_are_read_beside_its_rows(examples: dict[str, Any]) -> None:
    listing = ResourceListing.model_validate(examples["dm.hubs.not_provisioned"]["response"]["body"])

    (warning,) = listing.warnings
    assert (warning.http_status_code, warning.error_code) == ("403", "BIM360DM_ERROR")
    assert warning.detail == "You don't have permission to access this API"
    assert ResourceListing.model_validate({"data": []}).warnings == []


def test_an_answer_can_be_made_of_models() -> None:
    version = FileVersion(type="versions", id="v")

    assert ResourceListing(data=[version]).versions == [version]
    assert UploadUrls(upload_key="k", urls=[SignedUrl(SIGNED)]).urls == [SignedUrl(SIGNED)]


def test_a_malformed_url_is_no_signed_url() -> None:
    with pytest.raises(ValidationError):
        UploadUrls.model_validate({"uploadKey": "k", "urls": [None]})
    assert SignedUrl("https://[broken").host == ""


@pytest.mark.parametrize(
    ("extension", "kind"),
    [
        ({"data": {"projectType": "ACC"}}, "ACC"),
        ({"data": {"projectType": "BIM360"}}, "BIM360"),
        ({"data": {"projectType": "Forma"}}, "Forma"),
        ({"data": {"projectType": None}}, "unknown"),
        ({"data": None}, "unknown"),
        (None, "unknown"),
    ],
)
def test_a_project_says_what_it_is_or_that_it_does_not(extension: object, kind: str) -> None:
    project = Project.model_validate({"type": "projects", "id": "b.p", "attributes": {"extension": extension}})

    assert project.project_type == kind


def test_a_relationship_of_another_shape_is_no_id() -> None:
    shapes: list[object] = [
        None,
        "x",
        7,
        ["x"],
        {},
        {"data": None},
        {"data": "x"},
        {"data": [{"id": "x"}]},
        {"data": {"id": 3}},
    ]

    for shape in shapes:
        version = FileVersion.model_validate({"type": "versions", "id": "v", "relationships": {"item": shape}})
        assert version.related_id("item") is None


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        ({"data": [], "meta": {"warnings": [{"HttpStatusCode": "403"}]}}, True),
        ({"data": [], "meta": {"warnings": [{"HttpStatusCode": 403}]}}, True),
        ({"data": [{"type": "hubs", "id": "b.1"}], "meta": {"warnings": [{"HttpStatusCode": "403"}]}}, False),
        ({"data": [], "meta": {"warnings": [{"HttpStatusCode": "500"}]}}, False),
        ({"data": [], "meta": {"warnings": None}}, False),
        ({"data": []}, False),
    ],
)
def test_no_hubs_and_a_403_among_the_warnings_mean_that_the_app_is_not_admitted(content: object, missing: bool) -> None:
    assert ResourceListing.model_validate(content).app_not_provisioned is missing
