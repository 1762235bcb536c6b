"""Team server: Streamable HTTP for a company, each caller with their own sign-in."""
