"""The tools an assistant sees, one module each, and what they share: references, results, next steps, errors."""
