"""The facts that the sandbox stands for, each with the test that holds it; the run writes them to docs/sandbox-facts.md."""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "sandbox-facts.md"
HEAD = """# What the sandbox holds to

Every statement of the fact sheet on Autodesk's APIs that can be checked here, with its section there and the test that
checks it. Written by the test run (`tests/sandbox/test_facts.py`); change it there. What cannot be simulated, and why,
stands in [sandbox.md](sandbox.md).

| § | statement | test |
|---|---|---|
"""

FACTS = """
0 | Submittals takes the project's bare UUID | test_items.test_a_project_is_named_by_its_bare_uuid
0 | a plain two-legged token does not work | test_oauth.test_a_two_legged_token_has_no_person
0 | data:read opens every GET and validate-custom-identifier; data:write the other writes | test_oauth.test_scopes_open_only_what_they_name
0 | the gateway's 401 and 403 have developerMessage, errorCode and a link | test_examples.test_the_gateway_examples_are_answered_in_their_shape
0 | the shape of a Submittals error is unknown: a switch | test_switches.test_the_error_body_of_submittals
0 | an unknown query key is refused, or ignored by a switch | test_switches.test_queries_and_prefixes
0 | whether a b. prefix is tolerated is unknown: a switch | test_switches.test_queries_and_prefixes
0 | a service account's token is a person's token | test_service_accounts.test_an_application_makes_service_accounts_and_keys
0 | writes need Content-Type: application/json, 400 without it | test_writes_refused.test_a_missing_or_other_content_type_is_400_or_ignored_by_a_switch
0 | no region header is documented; such headers and x-request-id change nothing | test_data_management.test_headers_that_nothing_documents_change_nothing
0 | a malformed body is 400, with nothing changed | test_writes_refused.test_a_body_that_is_no_json_object_is_400
0 | statuses are the documented ones, for every operation | test_openapi.test_the_description_covers_every_operation_and_its_answers
0 | ids are UUIDs, people upper-case letters and digits, enumerations strings, in every answer | test_openapi.test_an_answer_that_strays_is_found
0 | isFileUploaded may be a boolean or a string | test_attachments.test_booleans_may_be_strings_and_mails_may_be_asked_for
0 | what becomes of an unknown field is unknown: a switch | test_writes_refused.test_an_unknown_field_is_400_and_named_or_ignored_by_a_switch
0 | limit 1 to 50, default 20, larger is cut | test_items.test_a_limit_above_fifty_is_cut_to_fifty
0 | steps, item types and mappings come with limit 100, responses with 20 | test_examples.test_a_list_that_is_asked_for_nothing_has_the_samples_limit
0 | nextUrl is absolute and repeats the effective query with its sort | test_items.test_links_repeat_the_query_and_lead_through_every_row
0 | limit=200 gives 200 templates, but 100 mappings | test_lookups.test_limits_above_the_largest_page_differ_by_list
0 | what a larger limit does is unknown: a switch | test_switches.test_pages
0 | sort takes several fields, each asc or desc | test_items.test_filters_and_sorts
0 | the last page's nextUrl is absent, or null by a switch | test_switches.test_pages
0 | previousUrl is absent on the first page; every list, revisions too | test_revising.test_revisions_come_on_pages_with_links
0 | timestamps have microseconds, folderUrnCreatedAt its own format | test_item_writes.test_a_manager_asks_a_contractor_and_the_folder_follows_a_second_later
0 | user types are "1", "2", "3"; a company or role may be the contractor | test_item_writes.test_a_company_or_role_can_be_the_contractor
1 | all 33 operations are there, in the documented shapes | test_examples.test_an_example_is_accepted_and_answered_in_its_shape
1 | one attachment cannot be read or deleted | test_attachments.test_there_is_no_way_to_get_or_delete_one_attachment
1 | every answer has the documented shape, field for field | test_openapi.test_a_documented_example_fits_the_description
1 | paths that are not documented do not exist | test_bad_input.test_an_unknown_path_is_404_in_its_services_shape
1 | comments, activities, watchers, new revisions, steps, tasks, batches and deletions do not exist | test_writes_refused.test_what_is_not_documented_does_not_exist
1 | a BIM 360 project is refused | test_items.test_a_bim_360_project_is_refused
1 | the codes of two settings writes are unknown: switches | test_switches.test_settings_statuses
2.1 | folderUrn is null after POST and follows a second later, with updatedAt | test_item_writes.test_a_manager_asks_a_contractor_and_the_folder_follows_a_second_later
2.1 | numbers read as 12, 033100-01, Unspecified or spec-Unspecified | test_items.test_numbers_people_read_follow_the_projects_sequence
2.1 | the first revision is 0; a package's number is a string on the item and an integer on the package | test_items.test_an_item_begins_as_revision_0_and_its_package_number_is_a_string
2.1 | ballInCourtType is null in draft and void | test_states.test_every_state_has_its_status
2.1 | an attachment made before the folder gets it too | test_item_writes.test_attachments_made_before_the_folder_get_it_too
2.2 | a manager in sbc-1 has exactly the sample's permitted actions | test_permitted.test_a_manager_sees_in_sbc_1_exactly_what_the_sample_shows
2.2 | other states agree with the samples' excerpts | test_permitted.test_the_excerpts_of_other_states_agree
2.2 | ball in court cannot be updated in rev; response fields can in mgr-2 | test_permitted.test_the_fields_that_may_be_updated_depend_on_the_state
2.2 | steps from templates are offered everywhere but in rev | test_permitted.test_steps_come_from_templates_everywhere_but_in_review
2.2 | a closed item offers no Attachment::create | test_permitted.test_closed_and_void_items_offer_no_attachment
2.2 | whatever is listed succeeds, whatever is governed and not listed is refused | test_permitted.test_what_is_permitted_succeeds_and_nothing_else_does
2.2 | the same, for any sequence of operations | test_properties.TestSubmittals
2.3 | search looks into number, title, spec and ball in court | test_items.test_search_looks_into_number_title_spec_and_court
2.3 | every filter and sort field is taken, others are refused | test_items.test_filters_and_sorts
2.3 | every value and date filter finds what items hold | test_items.test_every_documented_filter_finds_what_items_hold
2.3 | every sort field orders, either way | test_items.test_every_documented_sort_orders_either_way
2.3 | packageId=noPackage finds items without package | test_items.test_filters_and_sorts
2.3 | the default order is identifier desc | test_items.test_the_default_order_is_newest_first_twenty_a_page
2.3 | drafts are for managers, void only when asked for | test_items.test_drafts_are_listed_for_managers_only
2.4 | sbc-1 and draft are for managers, mgr-1 for others, each with its mandatory fields | test_item_writes.test_each_role_creates_in_its_own_states
2.4 | a creator who does not manage becomes the contractor | test_item_writes.test_anybody_else_submits_to_a_manager_and_is_the_contractor
2.4 | without a manager mapping nobody can be named manager | test_lookups.test_without_a_manager_mapping_nobody_can_be_named_manager
2.4 | templateId creates steps and tasks | test_item_writes.test_a_template_gives_an_item_its_steps_and_tasks
2.4 | the four required fields are required | test_writes_refused.test_a_missing_field_is_400_and_named
2.5 | PATCH changes its fields and nothing else, never the state | test_item_writes.test_a_field_is_changed_and_everything_else_stays
2.6 | %3A for the colon is untested: a switch | test_switches.test_an_encoded_colon
2.6 | the target is required and never draft | test_states.test_a_transition_that_is_not_possible_changes_nothing
2.6 | stepDueDate goes with rev only, a response with sbc-2 only; mailNote and sendEmails are accepted | test_states.test_a_response_and_a_step_date_go_with_their_own_transitions_only
2.6 | the status of a transition that is not listed is unknown: a switch | test_switches.test_statuses_that_nobody_documents
2.7 | the next number is one more, per spec or project | test_items.test_the_next_number_is_one_more_in_its_sequence
2.7 | a taken number is 409 | test_items.test_a_taken_number_is_a_conflict
2.7 | specId is ignored under global numbering, and is not spelt sepcId | test_items.test_the_spec_of_a_number_is_ignored_where_the_whole_project_counts
2.7 | a free number is 204, with a Content-Type all the same | test_items.test_a_taken_number_is_a_conflict
2.7 | elsewhere the status of a taken number is unknown: a switch | test_switches.test_statuses_that_nobody_documents
2.8 | a past revision stays in the history as it was | test_revising.test_a_revision_moves_attachments_to_the_previous_categories
3.1 | asyncState is "1" before any upload and right after the PATCH | test_attachments.test_confirming_a_completed_upload_leads_to_a_version_urn
3.1 | the object's key is a UUID with the name's extension | test_attachments.test_a_reserved_attachment_has_the_documented_fields_and_nothing_uploaded
3.1 | a name without extension makes a bare UUID | test_attachments.test_a_name_without_extension_makes_a_bare_object_key
3.1 | processing may fail, asyncState 4 | test_switches.test_processing_that_fails
3.1 | earlier revisions' attachments have the categories 5 to 8 | test_revising.test_a_revision_moves_attachments_to_the_previous_categories
3.1 | urnTypeId is always "2" | test_attachments.test_a_malformed_attachment_is_refused_and_nothing_is_kept
3.1 | an attachment lists retrieve, partial_update, destroy and annotate | test_permitted.test_an_attachment_says_what_may_be_done_with_it
3.1 | a linked file has an uploadUrn too: it is copied | test_attachments.test_a_linked_file_is_copied_into_an_object_of_its_own
3.2 | the list filters by category, revision and upload, and by nothing else | test_attachments.test_the_list_filters_by_category_revision_and_upload
3.2 | every documented sort field is taken | test_attachments.test_the_list_is_sorted_by_every_documented_field
3.2 | all revisions are listed unless filtered | test_revising.test_a_revision_moves_attachments_to_the_previous_categories
3.3 | eleven characters are forbidden in names | test_attachments.test_forbidden_characters_in_names_are_refused
3.3 | categoryId may be a number | test_attachments.test_a_category_is_the_states_own_or_a_permitted_override
3.3 | isFileUploaded false is refused, true needs a urn | test_attachments.test_a_malformed_attachment_is_refused_and_nothing_is_kept
3.3 | categories 5 to 8 are never accepted | test_attachments.test_a_category_is_the_states_own_or_a_permitted_override
3.3 | sendEmails and the path's own itemId are accepted | test_attachments.test_booleans_may_be_strings_and_mails_may_be_asked_for
3.3 | a urn must be a version of the same project; its status is a switch | test_attachments.test_a_version_of_another_project_is_not_found
3.3 | length and repetition of names are unknown: switches | test_switches.test_repeated_names_are_a_switch
3.3 | a repeated POST makes a second attachment | test_attachments.test_names_may_have_spaces_repeat_and_be_up_to_255_long
3.4 | PATCH takes isFileUploaded true and nothing else | test_attachments.test_a_malformed_confirmation_is_refused
3.4 | a PATCH before the upload, and a second one, are unknown: switches | test_switches.test_confirming_early_or_twice
3.5 | each state has its default category | test_attachments.test_a_manager_attaches_in_every_open_state_and_gets_the_states_category
3.5 | in review a task is required, open and one's own | test_attachments.test_in_review_the_task_must_be_given_open_and_ones_own
3.5 | the overrides are 4, in mgr-1 also 1; taskId is a field in rev only | test_permitted.test_categories_to_choose_from_depend_on_the_state
3.5 | a contractor who created an item in mgr-1 may send category 1 | test_permitted.test_a_contractor_who_created_an_item_in_mgr_1_adds_the_submission
3.5 | nobody attaches to a closed or void item | test_attachments.test_nobody_attaches_to_a_closed_or_void_item
3.5 | who else attaches where is unknown: switches | test_switches.test_who_attaches_where
4 | closing the last required task moves on to the next step, or to mgr-2 | test_states.test_a_whole_review_goes_step_by_step_to_the_manager_and_is_closed_and_reopened
4 | an optional task holds nothing up | test_states.test_an_optional_task_does_not_hold_the_review_up
4 | without review steps an item cannot enter rev | test_states.test_without_review_steps_there_is_no_way_into_a_review
4 | a task of a step that has not begun cannot be closed | test_states.test_a_task_of_a_step_that_has_not_begun_cannot_be_closed
4 | closing needs responseId and is possible once | test_states.test_a_task_is_closed_once_by_its_assignee_with_a_response
4 | duplicates carry duplicatedFrom and the next stage's category | test_states.test_duplicates_carry_their_source_and_the_new_stages_category
4 | their category is unknown: a switch | test_switches.test_duplicates_may_keep_their_category
4 | templates are for admins | test_lookups.test_templates_are_for_administrators
4 | templates are sorted by the documented fields | test_lookups.test_the_documented_sorts_are_taken_and_others_are_not
5 | metadata explains every id of the other answers | test_lookups.test_metadata_explains_the_ids_of_the_other_answers
5 | users/me has roles and project-level actions | test_permitted.test_project_level_actions_depend_on_the_role
5 | response categories 2 and 3 are told both ways: a switch | test_switches.test_response_categories_are_a_switch
5 | specs have search, filter, sort and unique identifiers | test_lookups.test_specs_are_searched_filtered_and_sorted
5 | packages are found by their spec | test_lookups.test_packages_are_found_by_their_spec
5 | packages have four filters, search and their sorts | test_lookups.test_packages_are_filtered_and_searched
5 | the five default responses are there; three approve | test_lookups.test_the_five_default_responses_are_there
5 | isInUse is what items use | test_lookups.test_in_use_is_what_items_use
5 | mappings make managers; admins alone change them | test_lookups.test_mappings_make_managers_and_only_administrators_change_them
5 | numbering changes from global to spec once, by a job | test_lookups.test_the_numbering_changes_once_and_by_a_job
6 | submitting sets receivedFromSubmitter and submittedBy | test_states.test_submitting_hands_the_ball_to_the_manager
6 | the transitions, their names, mandatory and other fields are those of the table | test_states.test_the_transitions_are_those_of_the_table
6 | every state has its status | test_states.test_every_state_has_its_status
6 | a number that the item has already counts as sent | test_states.test_a_number_counts_as_sent_when_the_item_has_one
6 | a review sets sentToReview and is due after its first step's days | test_states.test_a_review_is_due_after_the_days_of_its_step
6 | which step a return for review opens is unknown: a switch | test_switches.test_which_step_a_return_for_review_opens
6 | whether a return to the manager keeps answers is unknown: a switch | test_switches.test_whether_a_return_to_the_manager_keeps_answers
6 | a manager returns an item to the contractor with a date | test_states.test_a_manager_returns_an_item_to_the_contractor
6 | returning to the manager takes the review back | test_states.test_returning_to_the_manager_takes_the_review_back
6 | closing sets publishedDate, response and status 3; a closed item reopens | test_states.test_a_whole_review_goes_step_by_step_to_the_manager_and_is_closed_and_reopened
6 | draft goes to sbc-1 with contractor and date | test_states.test_a_draft_is_assigned_with_a_date
6 | nothing leads out of void | test_states.test_void_is_final
6 | a transition that is not there changes nothing | test_states.test_a_transition_that_is_not_possible_changes_nothing
7 | the tutorials' way of a local file works step by step | test_attachments.test_confirming_a_completed_upload_leads_to_a_version_urn
7 | a file of the Files tool is linked without a PATCH | test_attachments.test_linking_a_version_needs_no_patch_and_keeps_its_urn
7 | the tutorials' download and item creation, request by request | test_examples.test_an_example_is_accepted_and_answered_in_its_shape
8 | 25 URLs a request, 10,000 parts an upload | test_uploads.test_a_request_for_urls_that_makes_no_sense_is_refused
8 | the same uploadKey gives fresh URLs | test_uploads.test_a_signed_url_lives_as_long_as_it_was_asked_for_and_can_be_renewed
8 | a signed URL has S3's parameters, signs the host only and lasts two minutes | test_uploads.test_a_signed_url_has_s3s_parameters_and_two_minutes
8 | minutesExpiration is 1 to 60; useAcceleration must be a boolean | test_uploads.test_a_request_for_urls_that_makes_no_sense_is_refused
8 | parts may come in any order, and bytes come back as they were sent | test_uploads.test_bytes_arrive_as_they_were_sent
8 | expiry is judged when the headers arrive | test_uploads.test_expiry_is_judged_before_the_body_arrives
8 | urlExpiration is only approximate: a switch | test_switches.test_how_much_later_urls_claim_to_expire
8 | expired and wrong signatures are 403 in XML | test_uploads.test_a_changed_url_is_refused
8 | a bearer token at storage is refused | test_uploads.test_storage_refuses_what_is_not_signed_or_carries_a_token
8 | a part needs Content-Length | test_uploads.test_a_body_without_length_is_refused
8 | what storage does with a token or without a length is inferred: switches | test_switches.test_storage_may_be_lenient
8 | parts but the last have 5 MB; MissingOrInvalidParts says what is wrong | test_uploads.test_completion_says_what_is_missing_or_wrong
8 | eTags are bare hashes: one in quotes is Unexpected | test_uploads.test_an_etag_that_is_not_the_bare_hash_is_unexpected
8 | a more lenient storage may take them in quotes: a switch | test_switches.test_quoted_etags
8 | completion within 24 hours, once | test_uploads.test_completion_is_possible_once_and_within_a_day
8 | its status and a second completion are unknown: switches | test_switches.test_completion_statuses
8 | Content-Type must be application/json exactly | test_uploads.test_completion_wants_its_content_type_exactly
8 | a completion names type, disposition, encoding and cache control of downloads; a part's own type does not matter | test_uploads.test_a_download_carries_the_headers_that_the_completion_named
8 | metadata of one's own is JSON below 100 bytes | test_uploads.test_metadata_of_ones_own_is_json_below_a_hundred_bytes
8 | batches give each object its own answer | test_uploads.test_a_batch_gives_each_object_its_own_answer
8 | a download may be chunked or fallback while it is assembled | test_uploads.test_an_object_of_several_parts_is_chunked_while_it_is_assembled
8 | If-None-Match gives 304 | test_uploads.test_a_download_that_has_not_changed_is_304
8 | If-Modified-Since gives 304 too | test_uploads.test_a_download_may_ask_for_changes_since_a_moment
8 | buckets and URNs depend on the region | test_plan_file.test_the_european_hub_has_buckets_and_urns_of_its_own
9 | an app that nobody added gets no hubs, a warning and 200 | test_data_management.test_an_app_that_nobody_added_gets_a_warning_and_then_403
9 | projects say ACC or BIM360 | test_data_management.test_projects_say_whether_they_are_acc_or_bim_360
9 | pages of 200, next exists exactly when links.next does | test_data_management.test_projects_come_on_pages
9 | contents include tip versions; search is recursive | test_data_management.test_search_goes_through_the_whole_tree
9 | contents have filters on type, id and last change | test_data_management.test_contents_can_be_asked_for_by_their_last_change
9 | hidden folders come with includeHidden, top folders without projectFilesOnly | test_data_management.test_top_folders_include_hidden_ones_unless_only_files_are_asked_for
9 | ids have the forms of the samples, lineage and version the same end | test_data_management.test_ids_have_the_forms_of_the_samples
9 | hubs and projects are filtered by id and name | test_data_management.test_hubs_and_projects_can_be_filtered
9 | a version URN is encoded whole | test_data_management.test_a_version_urn_must_be_encoded_whole
9 | errors are JSON:API | test_data_management.test_errors_are_json_api
10 | redirect URIs match exactly | test_oauth.test_a_registered_callback_is_matched_exactly
10 | a wildcard stands for the left-most label of an https callback | test_oauth.test_a_wildcard_stands_for_the_left_most_label_of_an_https_callback
10 | every documented scope is known, 50 at most | test_oauth.test_every_documented_scope_is_known_and_fifty_are_the_most
10 | prompt, response_mode, authoptions and nonce are accepted | test_oauth.test_parameters_that_only_shape_the_page_are_accepted
10 | whether the port counts is not said: a switch | test_switches.test_a_loopback_port_may_be_any
10 | a code is good once and for five minutes | test_oauth.test_a_code_is_good_once_and_for_five_minutes
10 | PKCE with S256, verifier of 43 to 128 characters | test_oauth.test_a_wrong_exchange_is_refused_and_leaves_the_code_good
10 | credentials in header or body, not both | test_oauth.test_client_secrets_are_checked_in_header_and_body
10 | whether a public application must use PKCE is inferred: a switch; a confidential one may | test_switches.test_a_public_application_may_do_without_pkce
10 | a confidential application may use PKCE too | test_oauth.test_a_confidential_application_may_use_pkce_too
10 | a refresh token is good once and for 15 days | test_oauth.test_a_refresh_token_lasts_fifteen_days_and_narrows_only
10 | a grace for used ones is unknown: a switch | test_oauth.test_a_grace_for_used_refresh_tokens_is_a_switch
10 | what else happens at a second use is unknown: a switch revokes all of that sign-in | test_oauth.test_a_reused_refresh_token_may_revoke_everything_of_its_sign_in
10 | the shape of a token error is inferred: a switch | test_switches.test_token_errors_may_have_the_platforms_shape
10 | token errors have the documented words | test_oauth.test_token_errors_have_the_documented_words
10 | an id token comes with openid and not with a refresh | test_oauth.test_openid_adds_an_id_token_that_opens_nothing
10 | authentication v1 is gone, AUTH-666 | test_oauth.test_the_first_authentication_service_is_gone
10 | access tokens are RS256 with the documented claims | test_oauth.test_access_tokens_are_rs256_with_the_documented_claims
10 | revoke, introspect, keys and the configuration | test_oauth.test_discovery_names_addresses_that_exist
10 | /userinfo takes any three-legged token | test_examples.test_the_userinfo_example_is_answered_in_its_shape
10 | a service account signs in with an assertion, without refresh token | test_examples.test_the_service_account_example_is_answered_in_its_shape
10 | at most 10 service accounts an app and 3 keys each, and no project until invited | test_service_accounts.test_an_application_makes_service_accounts_and_keys
10 | an assertion lives five minutes at most, names its audience and a list of scopes | test_oauth.test_a_wrong_assertion_is_refused
10 | a service account's token begins with SA- | test_service_accounts.test_the_token_of_a_service_account_says_what_it_is
10 | a service account's key is RSA-2048 | test_service_accounts.test_a_service_accounts_key_is_rsa_2048
11 | 600 requests a minute, then 429 with Retry-After | test_limits.test_submittals_answers_600_requests_a_minute
11 | Data Management counts each endpoint by itself | test_limits.test_data_management_counts_each_endpoint_by_itself
11 | every documented limit is the documented one | test_limits.test_every_documented_limit_is_the_documented_one
11 | Submittals counts client and person over all endpoints | test_limits.test_submittals_counts_the_client_and_the_person_over_all_endpoints
11 | storage counts all endpoints together, signed URLs not at all | test_limits.test_storage_counts_all_endpoints_together_and_signed_urls_not_at_all
12 | a 403 for strangers, everywhere | test_permitted.test_a_stranger_is_refused_everywhere
12 | attachments become versions in a hidden folder | test_data_management.test_attachments_stay_hidden_in_the_files_tool
12 | b. is for Data Management, the bare UUID for Submittals | test_data_management.test_errors_are_json_api
12 | an app that is not provisioned is 403 with AUTH-001 | test_examples.test_the_gateway_examples_are_answered_in_their_shape
13 | every open question is a switch | test_switches.test_every_switch_is_described_with_its_section
13.14 | how long a reservation can be uploaded to is unknown: a switch | test_switches.test_a_reservation_may_lapse
"""


def existing_tests():
    names = set()
    for path in HERE.glob("test_*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                names.add(f"{path.stem}.{node.name}")
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                names.add(f"{path.stem}.{node.targets[0].id}")
    return names


def rows():
    return [[cell.strip() for cell in line.split(" | ")] for line in FACTS.strip().splitlines()]


def test_every_fact_has_a_test_that_exists():
    existing = existing_tests()
    assert [test for _, _, test in rows() if test not in existing] == []


def test_the_page_of_facts_is_written():
    lines = (f"| {section} | {statement} | `{test}` |" for section, statement, test in rows())
    wanted = HEAD + "\n".join(lines) + "\n"
    found = PAGE.read_text("utf-8") if PAGE.exists() else ""
    if found != wanted:
        PAGE.write_text(wanted, "utf-8")
    assert found == wanted, "docs/sandbox-facts.md was out of date and has been written anew"
