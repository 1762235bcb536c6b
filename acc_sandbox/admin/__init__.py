"""Administration of a sandbox: the control API, who may use it, and the pages."""
