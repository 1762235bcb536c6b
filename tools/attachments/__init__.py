"""What the attachment tools share: preconditions, status, and why ACC refused."""
