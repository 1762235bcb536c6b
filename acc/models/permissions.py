"""What ACC lets the asking person do with an object, now: its `permittedActions` (fact sheet 2.2)."""

from typing import Any

from pydantic import Field, model_validator

from acc.models.base import AccModel, Listed, Text


class StateName(AccModel):
    """A workflow state as a transition names it, for example `sbc-1` and "SBC 1"."""

    id: str
    name: Text = ""


class Transition(AccModel):
    """One way out of the current state, for example `sbc-1::mgr-1`."""

    id: str
    name: Text = ""
    state_from: StateName | None = None
    state_to: StateName | None = None
    transition_fields: Listed[str]
    mandatory_fields: Listed[str]
    action_id: str | None = None


class PermittedAction(AccModel):
    """One thing the person may do, for example `Attachment::create`, and with which fields.

    `fields` maps a field to its allowed values, where an empty list allows any. For `categoryId` the list holds only
    the values that override ACC's own choice: the default is not in it (fact sheet 3.5).
    """

    id: str
    fields: dict[str, Any]
    mandatory_fields: Listed[str]
    transitions: Listed[Transition]
    raw: dict[str, Any] = Field(repr=False, exclude=True)
    """The action exactly as ACC sent it, to be passed on."""

    @model_validator(mode="before")
    @classmethod
    def _keep_raw(cls, value: Any) -> Any:
        return {**value, "fields": value.get("fields") or {}, "raw": value} if isinstance(value, dict) else value

    def allowed_values(self, field: str) -> list[Any] | None:
        """The values the person may give this field; empty for any, None when the field may not be given."""
        values = self.fields.get(field)
        return values if isinstance(values, list) else None


class Permitted(AccModel):
    """Mixin of objects that carry permitted actions."""

    permitted_actions: Listed[PermittedAction]

    def permitted(self, action_id: str) -> PermittedAction | None:
        """The action of this id, for example `Attachment::create`, or None if the person may not."""
        return next((action for action in self.permitted_actions if action.id == action_id), None)

    @property
    def raw_permitted_actions(self) -> list[dict[str, Any]]:
        """All actions exactly as ACC sent them."""
        return [action.raw for action in self.permitted_actions]
