"""One multipart upload: its part plan, signed URLs, connections and state."""
