"""What is wrong with what the operator gave us: said in lines, each with its remedy.

The command line prints the lines to stderr, without a traceback, and ends with exit code 2.
"""

from __future__ import annotations


class OperatorError(Exception):
    """The config, the environment or the command's own arguments cannot be used as they are."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class ConfigError(OperatorError):
    """The config file: ``deskhand.yaml:12: playbooks.support.limits.usd: what, and what to do``."""


class SettingsError(OperatorError):
    """The environment; each line begins with the variable's name."""
