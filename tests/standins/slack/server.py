"""The Slack stand-in as one object: workspace, Web API, Socket Mode, drivers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.standins.slack.control import Control
from tests.standins.slack.driver import Driver
from tests.standins.slack.socket_mode import SocketMode
from tests.standins.slack.state import Workspace, fixture_world
from tests.standins.slack.transport import HttpTransport, SocketTransport
from tests.standins.slack.web_api import WebApi
from tests.standins.wire import CallLog, Clock, FaultPlan, Pauses, Signal, serving

BOT_TOKEN = "xoxb-test-bot-token"
APP_TOKEN = "xapp-test-app-token"
SIGNING_SECRET = "test-signing-secret"


class SlackStandin:
    """A running stand-in. `space` is its state, `log` its oracle, `faults` what fails."""

    def __init__(
        self,
        *,
        bot_token: str = BOT_TOKEN,
        app_token: str = APP_TOKEN,
        signing_secret: str = SIGNING_SECRET,
        log_path: Path | None = None,
    ) -> None:
        self.bot_token = bot_token
        self.app_token = app_token
        self.signing_secret = signing_secret
        self.signal = Signal()
        self.clock = Clock()
        self.faults = FaultPlan()
        self.pauses = Pauses()
        self.log = CallLog(self.signal, log_path)
        self.space = fixture_world(Workspace(clock=self.clock, signal=self.signal))
        self.sockets = SocketMode(app_id=self.space.app_id, log=self.log, signal=self.signal)
        self.web_api = WebApi(
            self.space,
            log=self.log,
            faults=self.faults,
            pauses=self.pauses,
            sockets=self.sockets,
            bot_token=bot_token,
            app_token=app_token,
        )
        self.url = ""
        self.product_url: str | None = None
        """Where `default_driver` delivers; None: over Socket Mode."""
        self._session: aiohttp.ClientSession | None = None

    @property
    def api_url(self) -> str:
        """The value for SLACK_API_URL."""
        return f"{self.url}/api/"

    @property
    def environment(self) -> dict[str, str]:
        """What the product needs to talk to this stand-in over HTTP events."""
        return {
            "SLACK_API_URL": self.api_url,
            "SLACK_BOT_TOKEN": self.bot_token,
            "SLACK_SIGNING_SECRET": self.signing_secret,
        }

    def driver(self, product_url: str) -> Driver:
        """People whose events reach the product at `{product_url}/slack/events`."""
        return Driver(self.space, self.http_transport(product_url), base_url=self.url)

    def http_transport(self, product_url: str) -> HttpTransport:
        """Signed requests, and raw ones with a broken signature or an old timestamp."""
        if self._session is None:
            raise RuntimeError("the stand-in is not running")
        return HttpTransport(
            self._session, product_url, signing_secret=self.signing_secret, log=self.log
        )

    def socket_driver(self) -> Driver:
        """People whose events reach the product over Socket Mode."""
        return Driver(self.space, SocketTransport(self.sockets), base_url=self.url)

    def default_driver(self) -> Driver:
        """The driver to `product_url`, or over Socket Mode."""
        return self.driver(self.product_url) if self.product_url else self.socket_driver()

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator["SlackStandin"]:
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.add_routes([*self.web_api.routes(), *self.sockets.routes(), *Control(self).routes()])
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session, serving(app, port) as at:
            self._session = session
            self.url = self.web_api.base_url = f"http://127.0.0.1:{at}"
            try:
                yield self
            finally:
                # Hung handlers and sockets must end first, or the server waits for them.
                self.pauses.close()
                await self.sockets.close()
                self._session = None
                self.log.close()


@asynccontextmanager
async def slack_standin(
    *,
    port: int = 0,
    log_path: Path | None = None,
    signing_secret: str = SIGNING_SECRET,
    product_url: str | None = None,
) -> AsyncIterator[SlackStandin]:
    """A Slack stand-in on 127.0.0.1 with the fixture world."""
    standin = SlackStandin(log_path=log_path, signing_secret=signing_secret)
    standin.product_url = product_url
    async with standin.running(port):
        yield standin
