"""Serve the primes between two numbers over HTTP: one event loop, one shared pool.

Each request is a pipeline of its own in the pool that all of them share, and what it
finds is sent as it comes. A client that goes away cancels its own pipeline, and no other;
one that reads slowly holds its own back.

    python examples/serve.py --port 8000
    curl -N "http://127.0.0.1:8000/primes?from=1000000&to=1001000"
"""

import argparse
import asyncio
import logging
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from math import isqrt
from urllib.parse import parse_qs, urlsplit

from fluent_async import Pool, cancelled, each, stream, task


PATIENCE_S = 10.0  # for a client to say what it wants, and to take what is sent
PIECE = 1000  # numbers that one worker looks through
GREATEST = 10**15  # a prime of this size takes a worker a second or two

log = logging.getLogger("serve")


class NoAnswer(Exception):  # noqa: N818  (it is an answer, too)
    """What a client is told instead of primes."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


# -- the pipeline --------------------------------------------------------------------------


@stream
def primes(numbers: range) -> Iterator[int]:
    """Find the primes among numbers, until nobody wants them any more."""
    for number in numbers:
        if cancelled():
            return

        if number > 1 and all(number % by for by in range(2, isqrt(number) + 1)):
            yield number


@task
def chunk(prime: int) -> bytes:
    """Write a prime as a line, and that as a chunk of an HTTP answer."""
    line = b"%d\n" % prime
    return b"%x\r\n%s\r\n" % (len(line), line)


def pieces(numbers: range) -> Iterator[range]:
    """Cut numbers into pieces of work, each made when there is a worker for it."""
    return (numbers[at : at + PIECE] for at in range(0, len(numbers), PIECE))


# -- HTTP ----------------------------------------------------------------------------------


async def wanted(reader: StreamReader) -> range:
    """Read a request, and return the numbers it asks about."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        raise NoAnswer(HTTPStatus.REQUEST_TIMEOUT) from None
    except asyncio.LimitOverrunError:
        raise NoAnswer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None

    return numbers_in(head.partition(b"\r\n")[0].decode("latin-1"))


def numbers_in(request: str) -> range:
    """Return the numbers that the first line of a request asks about."""
    try:
        method, target, _ = request.split(" ")
        path, query = urlsplit(target)[2:4]
        asked = parse_qs(query)
        first, last = (int(asked[name][0]) for name in ("from", "to"))
    except (KeyError, ValueError):
        raise NoAnswer(HTTPStatus.BAD_REQUEST) from None

    if method != "GET":
        raise NoAnswer(HTTPStatus.METHOD_NOT_ALLOWED)

    if path != "/primes":
        raise NoAnswer(HTTPStatus.NOT_FOUND)

    if not 0 <= first <= last <= GREATEST:
        raise NoAnswer(HTTPStatus.BAD_REQUEST)

    return range(first, last)


async def send(writer: StreamWriter, data: bytes) -> None:
    """Send, and wait until the client has taken most of it."""
    writer.write(data)
    async with asyncio.timeout(PATIENCE_S):
        await writer.drain()


async def send_head(writer: StreamWriter, status: HTTPStatus, rest: str) -> None:
    """Send the first part of an answer."""
    line = f"HTTP/1.1 {status.value} {status.phrase}"
    head = f"{line}\r\nContent-Type: text/plain\r\nConnection: close\r\n{rest}\r\n\r\n"
    await send(writer, head.encode())


async def answer(reader: StreamReader, writer: StreamWriter, pool: Pool) -> None:
    """Answer one request, line by line as its pipeline finds primes."""
    try:
        numbers = await wanted(reader)
    except NoAnswer as no:
        await send_head(writer, no.status, "Content-Length: 0")
        return

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(hear_the_end(reader))
        await send_head(writer, HTTPStatus.OK, "Transfer-Encoding: chunked")
        work = each(pieces(numbers)) >> primes >> chunk
        async with work.results(pool=pool) as chunks:
            async for line in chunks:
                await send(writer, line)

        await send(writer, b"0\r\n\r\n")
        watching.cancel()


async def hear_the_end(reader: StreamReader) -> None:
    """Raise, and so end the answer, as soon as the client has gone away."""
    while await reader.read(1024):
        pass  # it has nothing more to say

    raise ConnectionAbortedError


async def connection(reader: StreamReader, writer: StreamWriter, pool: Pool) -> None:
    """Serve one client, and let go of it."""
    try:
        await answer(reader, writer, pool)
    except* (ConnectionError, EOFError, TimeoutError):
        pass  # it has gone, or takes nothing: there is nobody to tell
    except* Exception:
        log.exception("an answer failed")
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def serving(pool: Pool, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
    """Serve during the block, and give it the address; its end cuts every client off."""
    clients = set[asyncio.Task[None]]()

    def connect(reader: StreamReader, writer: StreamWriter) -> None:
        client = asyncio.create_task(connection(reader, writer, pool))
        clients.add(client)
        client.add_done_callback(clients.discard)

    server = await asyncio.start_server(connect, host, port)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        for client in clients:
            client.cancel()

        await asyncio.gather(*clients, return_exceptions=True)


# -- the command ---------------------------------------------------------------------------


async def serve(port: int, limit: int | None) -> None:
    """Serve until this is cancelled."""
    async with Pool(limit) as pool, serving(pool, "127.0.0.1", port) as (host, used):
        print(
            f"serving http://{host}:{used}/primes?from=1000000&to=1001000", flush=True
        )
        await asyncio.get_running_loop().create_future()


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Serve primes over HTTP.")
    parser.add_argument("--port", type=int, default=8000, help="0 for any that is free")
    parser.add_argument("--limit", type=int, help="how many workers run at a time")
    chosen = parser.parse_args(argv)

    try:
        asyncio.run(serve(chosen.port, chosen.limit))
    except KeyboardInterrupt:
        print("serve: interrupted", file=sys.stderr)
        return 130
    except OSError as exc:
        print(f"serve: {exc.strerror}", file=sys.stderr)
        return 2

    return 0


if __name__ == "__main__":
    sys.exit(main())
