"""Deskhand's tests. A package, so that `tests/tools` never shadows `tools`."""
