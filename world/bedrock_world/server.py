"""The world on a loopback port: a plain ASGI application under uvicorn, in a thread."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Self, override

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from bedrock_world import admin
from bedrock_world.gateway import Gateway, Response
from bedrock_world.wire import Request
from bedrock_world.world import World

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_TRANSPORT = "bedrock_world.transport"
_KEEP_ALIVE_SECONDS = 75


class Application:
    """The ASGI application of one world."""

    def __init__(self, world: World) -> None:
        self.gateway = Gateway(world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = await _request(scope, receive)
        if request.raw_path.startswith(admin.PREFIX):
            response = admin.handle(self.gateway.world, request)
        else:
            response = self.gateway.handle(request)
        if response.delay_seconds:
            await asyncio.sleep(response.delay_seconds)
        if response.dropped:
            scope["extensions"][_TRANSPORT].abort()
            # Gives the loop a turn to note the loss, or uvicorn would try to answer.
            await asyncio.sleep(0)
            return
        await _answer(response, send)


async def _request(scope: Scope, receive: Receive) -> Request:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return Request(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("ascii"),
        query=scope["query_string"].decode("ascii"),
        headers={key.decode("latin-1").lower(): v.decode("latin-1") for key, v in scope["headers"]},
        body=b"".join(parts),
    )


async def _answer(response: Response, send: Send) -> None:
    headers = {**response.headers, "Content-Length": str(len(response.body))}
    encoded = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": response.body})


class _Protocol(H11Protocol):
    """Shows the application its connection, so that it can break it."""

    # uvicorn narrows asyncio's transport in the same way.
    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        application = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
            await application({**scope, "extensions": {_TRANSPORT: transport}}, receive, send)

        self.app = with_transport


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class RunningWorld:
    """A world that is being served. Use as a context manager, or call `stop`."""

    def __init__(self, world: World, port: int) -> None:
        self._application = Application(world)
        # The protocol must be named: asyncio turns Nagle's delay off for such sockets only.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            self._application,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="bedrock-world", daemon=True
        )
        self._thread.start()
        self._server.ready.wait()

    @property
    def world(self) -> World:
        """The world behind the port."""
        return self._application.gateway.world

    def replace(self, world: World) -> None:
        """Serve another world on the same port, as tests do between cases."""
        self._application.gateway = Gateway(world)

    def environment(self) -> dict[str, str]:
        """The variables that lead an unmodified SDK here."""
        services = ("BEDROCK", "BEDROCK_RUNTIME", "SERVICE_QUOTAS")
        return {f"AWS_ENDPOINT_URL_{service}": self.url for service in services}

    def stop(self) -> None:
        """Close the port and end the thread; stopping twice does nothing."""
        self._server.should_exit = True
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(world: World, port: int = 0) -> RunningWorld:
    """Serve `world` on 127.0.0.1; port 0 takes a free one."""
    return RunningWorld(world, port)
