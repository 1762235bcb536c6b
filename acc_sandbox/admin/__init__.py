"""What moves a sandbox from outside: the admin API, who may use it, and the pages."""
