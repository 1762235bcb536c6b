"""Object storage: signed URLs, parts, completion, objects (fact sheet 8)."""
