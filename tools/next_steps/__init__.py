"""The tool calls that are possible next: after an answer, after a page, after a failure."""
