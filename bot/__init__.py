"""Deskhand: the triage hand. See docs/ARCHITECTURE.md for the rooms of this package."""
