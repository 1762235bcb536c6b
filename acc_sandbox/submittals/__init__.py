"""Submittals v2: items, attachments, reviews, transitions, settings (fact sheet 0 to 6)."""
