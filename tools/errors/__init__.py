"""Error catalogue: texts and hints for agents and shell users, and the errors that tools raise."""
