"""The MCP shell: tools, resources, prompts, completions and tasks as protocol clients see them, over stdio and HTTP."""
