"""How DBOS writes down what steps return and raise: JSON of ours, and of a foreign exception its class alone."""

import json
from typing import Any

from dbos import Serializer

from transfers.failures import failure_to_json
from transfers.workflows import StepFailed

_FAILURE = "failure"


class JsonSerializer(Serializer):
    """JSON both ways; an exception comes back as `StepFailed`."""

    def name(self) -> str:
        """Return the name that is kept beside everything written."""
        return "submittal-mcp-json"

    def serialize(self, data: Any) -> str:
        """Return `data` as JSON."""
        if isinstance(data, BaseException):
            return json.dumps({_FAILURE: data.found if isinstance(data, StepFailed) else failure_to_json(data)})
        return json.dumps(data)

    def deserialize(self, serialized_data: str) -> Any:
        """Return what was written."""
        data = json.loads(serialized_data)
        return StepFailed(data[_FAILURE]) if isinstance(data, dict) and _FAILURE in data else data
