"""From an HTTP request to an operation and back: routing, validation, errors, pagination, rate limits."""
