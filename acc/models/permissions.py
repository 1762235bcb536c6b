"""Permitted actions: what the signed-in person may do with an object now (fact sheet 2.2).

Documented shapes differ: `transitions` is a list of objects, `[""]` or null, `mandatoryFields` a list or a list of
lists. What we look into is read tolerantly; what is passed on stays as ACC sent it.
"""

from typing import Any

from pydantic import Field

from acc.models.base import AccModel, Flattened, TextField


class StateName(AccModel):
    """A workflow state as a transition names it, for example `sbc-1` and "SBC 1"."""

    id: TextField = ""
    name: TextField = ""


class Transition(AccModel):
    """One way out of the current state, for example `sbc-1::mgr-1`."""

    id: str
    name: TextField = ""
    state_from: StateName | None = None
    state_to: StateName | None = None
    transition_fields: Flattened[str]
    mandatory_fields: Flattened[str]
    action_id: str | None = None


class PermittedAction(AccModel):
    """One thing the person may do, for example `Attachment::create`, and with which fields.

    `fields` maps a field to its allowed values, where an empty list allows any. For `categoryId` the list holds only
    the values that override ACC's own choice: the default is not in it (fact sheet 3.5).
    """

    id: TextField = ""
    fields: dict[str, Any] = Field(default_factory=dict)
    mandatory_fields: Flattened[str]
    transitions: Flattened[Transition]

    def allowed_values(self, field: str) -> list[Any] | None:
        """The values the person may give this field; empty for any, None when the field may not be given."""
        values = self.fields.get(field)
        return values if isinstance(values, list) else None


class PermittedObject(AccModel):
    """Mixin of objects that carry permitted actions."""

    sent_actions: Any = Field(default=None, alias="permittedActions", repr=False)
    """`permittedActions` exactly as ACC sent it, whatever its shape."""

    @property
    def raw_permitted_actions(self) -> list[dict[str, Any]]:
        """The actions exactly as ACC sent them, to be passed on; without what is no object."""
        sent = self.sent_actions if isinstance(self.sent_actions, list) else []
        return [action for action in sent if isinstance(action, dict)]

    @property
    def permitted_actions_incomplete(self) -> bool:
        """Whether ACC sent something else among, or instead of, a list of objects."""
        sent = self.sent_actions
        return sent is not None and (not isinstance(sent, list) or len(sent) > len(self.raw_permitted_actions))

    @property
    def permitted_actions(self) -> list[PermittedAction]:
        """The actions as read."""
        return [PermittedAction.model_validate(action) for action in self.raw_permitted_actions]

    def permitted(self, action_id: str) -> PermittedAction | None:
        """The action of this id, for example `Attachment::create`, or None if the person may not."""
        found = (action for action in self.raw_permitted_actions if action.get("id") == action_id)
        return next((PermittedAction.model_validate(action) for action in found), None)
