"""A Slack that enforces its own documented limits, on loopback."""

from tests.standins.slack.driver import Delivery, Driver
from tests.standins.slack.events import CannotSubmit
from tests.standins.slack.model import (
    Channel,
    Ephemeral,
    Message,
    SlackError,
    User,
    UserGroup,
    View,
)
from tests.standins.slack.server import (
    APP_TOKEN,
    BOT_TOKEN,
    SIGNING_SECRET,
    SlackStandin,
    slack_standin,
)

__all__ = [
    "APP_TOKEN",
    "BOT_TOKEN",
    "SIGNING_SECRET",
    "CannotSubmit",
    "Channel",
    "Delivery",
    "Driver",
    "Ephemeral",
    "Message",
    "SlackError",
    "SlackStandin",
    "User",
    "UserGroup",
    "View",
    "slack_standin",
]
