"""What `autodesk-platform-sdk` does in a sandbox, call by call, the package as it comes, told where the service is.

    python platform_sdk.py '{"url", "token", "server": [ID, SECRET], "project", "item", "file", "version", "folder", "spec"}'

Prints {"<service>.<method>": "ok" or what went wrong}.
"""

import json
import sys

from autodesk_platform_sdk import Client

ASKED = json.loads(sys.argv[1])
person = Client("unused", "unused", base_url=ASKED["url"], access_token=ASKED["token"])
app = Client(*ASKED["server"], base_url=ASKED["url"])
project, item, dm = ASKED["project"], ASKED["item"], f"b.{ASKED['project']}"
hub = person.data_management.list_hubs().hubs[0].id
found = {}


def call(name, *arguments, **named):
    service, method = name.split(".")
    client = app if service == "service_accounts" else person
    try:
        result = getattr(getattr(client, service), method)(*arguments, **named)
        found[name] = "ok"
    except Exception as error:  # noqa: BLE001  # each call is told for itself
        result, found[name] = None, f"{type(error).__name__}: {error}"
    return result


call("data_management.list_projects", hub)
call("data_management.get_project", hub, dm)
call("data_management.get_top_folders", hub, dm)
call("data_management.get_folder", dm, ASKED["folder"])
call("data_management.get_folder_contents", dm, ASKED["folder"])
call("data_management.get_folder_parent", dm, ASKED["folder"])
call("data_management.get_item", dm, ASKED["file"])
call("data_management.get_item_parent", dm, ASKED["file"])
call("data_management.get_item_tip", dm, ASKED["file"])
call("data_management.get_item_versions", dm, ASKED["file"])
call("data_management.get_version", dm, ASKED["version"])
call("data_management.get_version_item", dm, ASKED["version"])
for method in ("get_permissions", "get_metadata", "list_items", "list_specs", "list_packages", "list_responses"):
    call(f"submittals.{method}", project)
for method in ("list_item_types", "list_mappings"):
    call(f"submittals.{method}", project)
call("submittals.get_next_custom_identifier", project, spec_id=ASKED["spec"])
for method in ("get_item", "list_attachments", "list_steps", "list_revisions"):
    call(f"submittals.{method}", project, item)
call("submittals.upload_attachment", project, item, "platform-sdk.pdf", b"x" * 100)
account = call("service_accounts.create_account", "platform-sdk")
identifier = account.service_account_id if account else ""
call("service_accounts.list_accounts")
call("service_accounts.get_account", identifier)
key = call("service_accounts.create_key", identifier)
call("service_accounts.list_keys", identifier)
call("service_accounts.delete_key", identifier, key.kid if key else "")
call("service_accounts.delete_account", identifier)
sys.stdout.write(json.dumps(found))
