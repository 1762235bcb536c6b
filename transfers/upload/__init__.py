"""One multipart upload: its part plan, signed URLs, sending and reading ahead."""
