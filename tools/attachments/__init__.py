"""Shared code of the attachment tools: preconditions, status, rejections."""
