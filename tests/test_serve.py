"""The example that serves HTTP, and what is left of clients that go away."""

import asyncio
import http.client
import importlib.util
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import pytest

from fluent_async import Pool
from loops import run
from support import TIMEOUT, poll, start_child


SCRIPT = Path(__file__).parent.parent / "examples" / "serve.py"

ENDLESS = "/primes?from=0&to=1000000000000"

Visit: TypeAlias = Callable[[], object]


def load() -> ModuleType:
    """Import the example."""
    spec = importlib.util.spec_from_file_location("serve", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


serve = load()


class Server:
    """The example, serving on this machine; `pool` is what its pipelines run in."""

    def __init__(self, pool: Pool, host: str, port: int) -> None:
        self.pool = pool
        self.address = (host, port)

    def ask(self, target: str, method: str = "GET") -> tuple[int, str]:
        """Ask as a real client does, and give the status and the whole answer."""
        client = http.client.HTTPConnection(*self.address, timeout=TIMEOUT)
        try:
            client.request(method, target)
            response = client.getresponse()
            return response.status, response.read().decode()
        finally:
            client.close()

    def say(self, text: bytes) -> bytes:
        """Send bytes, and give the answer to them."""
        with socket.create_connection(self.address, TIMEOUT) as client:
            client.sendall(text)
            return b"".join(iter(lambda: client.recv(4096), b""))

    def leave(self, *, rudely: bool) -> None:
        """Ask for much, read a little, and go away in the middle."""
        with socket.create_connection(self.address, TIMEOUT) as client:
            client.sendall(f"GET {ENDLESS} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
            heard = b""
            while b"\r\n2\n" not in heard:
                heard += client.recv(64)

            if rudely:  # a reset, not an end
                client.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )


def served(visit: Callable[[Server], Awaitable[None]]) -> None:
    """Serve during a visit, and see that nothing is left of it afterwards."""

    async def main() -> None:
        others = len(asyncio.all_tasks())
        async with Pool(2) as pool, serve.serving(pool, "127.0.0.1", 0) as address:
            await visit(Server(pool, *address))
            stats = pool.stats

            assert await asyncio.to_thread(poll, lambda: not stats().in_progress)
            assert await asyncio.to_thread(poll, lambda: not stats().running)

            assert (0, 0) == (stats().waiting_for_room, stats().failed)

        assert others == len(asyncio.all_tasks())

    run(main())


def test_streams_the_primes_in_order() -> None:
    """What a whole pipeline finds is the answer, line by line."""

    async def visit(server: Server) -> None:
        status, text = await asyncio.to_thread(server.ask, "/primes?from=0&to=3000")

        assert 200 == status
        found = [int(line) for line in text.splitlines()]
        assert [2, 3, 5, 7, 11] == found[:5]
        assert (430, 2999) == (len(found), found[-1])

    served(visit)


def test_answers_several_clients_at_a_time() -> None:
    """They share a pool, and none sees anything of another."""

    async def visit(server: Server) -> None:
        targets = [f"/primes?from={n}&to={n + 10}" for n in range(20)]
        answers = await asyncio.gather(
            *(asyncio.to_thread(server.ask, target) for target in targets)
        )

        for number, (status, text) in enumerate(answers):
            assert 200 == status
            assert all(number <= int(line) < number + 10 for line in text.splitlines())

    served(visit)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/primes?from=5&to=5", 200),
        ("/primes", 400),
        ("/primes?from=1&to=x", 400),
        ("/primes?from=5&to=1", 400),
        ("/primes?from=-1&to=1", 400),
        ("/primes?from=0&to=1" + 20 * "0", 400),
        ("/other?from=1&to=2", 404),
    ],
)
def test_says_what_is_wrong_with_a_request(target: str, status: int) -> None:
    """What can't be answered starts no work."""

    async def visit(server: Server) -> None:
        assert (status, "") == await asyncio.to_thread(server.ask, target)

    served(visit)


def test_refuses_other_methods() -> None:
    """There is nothing to send to it."""

    async def visit(server: Server) -> None:
        target = "/primes?from=1&to=2"

        assert (405, "") == await asyncio.to_thread(server.ask, target, "POST")

    served(visit)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (b"\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n"),
        (b"GET /" + 70_000 * b"x", b"HTTP/1.1 431 Request Header"),
    ],
)
def test_survives_what_is_no_request(text: bytes, answer: bytes) -> None:
    """Whatever comes, there is an answer to it."""

    async def visit(server: Server) -> None:
        assert (await asyncio.to_thread(server.say, text)).startswith(answer)

    served(visit)


@pytest.mark.parametrize("rudely", [False, True])
def test_nothing_is_left_running_of_clients_that_go_away(*, rudely: bool) -> None:
    """Two hundred clients leave in the middle, and the pool is as idle as before."""

    async def visit(server: Server) -> None:
        def leave() -> None:
            for _ in range(25):
                server.leave(rudely=rudely)

        await asyncio.gather(*(asyncio.to_thread(leave) for _ in range(8)))

        target = "/primes?from=0&to=10"

        assert (200, "2\n3\n5\n7\n") == await asyncio.to_thread(server.ask, target)

    served(visit)


def test_cuts_clients_off_when_it_ends() -> None:
    """The end of the server cancels what its clients still wait for."""
    clients = list[socket.socket]()

    async def visit(server: Server) -> None:
        clients.append(socket.create_connection(server.address, TIMEOUT))
        clients[0].sendall(f"GET {ENDLESS} HTTP/1.1\r\n\r\n".encode())
        await asyncio.to_thread(clients[0].recv, 1)

    async def main() -> None:
        async with Pool(2) as pool:
            async with serve.serving(pool, "127.0.0.1", 0) as address:
                await visit(Server(pool, *address))

            assert 0 == pool.stats().in_progress

    run(main())
    clients[0].close()


def test_ctrl_c_is_one_line_and_exit_code_130() -> None:
    """Interrupted, the server ends with a line, not a traceback."""
    source = f"""
        import builtins, runpy, sys
        say = print

        def say_more(*told, **how):
            say(*told, **how)
            say("serving", flush=True)

        builtins.print = say_more
        sys.argv[:] = [{str(SCRIPT)!r}, "--port", "0"]
        runpy.run_path(sys.argv[0], run_name="__main__")
        """
    with start_child(source) as child:
        child.wait_for("serving")
        child.interrupt()
        done = child.finish()

    assert ("serve: interrupted\n", 130) == (done.stderr, done.returncode)


def test_a_port_in_use_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the system refuses is said in one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert 2 == serve.main(["--port", str(port)])

    assert capsys.readouterr().err.startswith("serve: ")
