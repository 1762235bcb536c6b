"""Next steps: tool calls that are possible after a result, a page, or an error."""
