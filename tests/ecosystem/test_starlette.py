"""Starlette: an endpoint awaits calls on our threads."""

import asyncio

from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fluent_async import Pool


def test_endpoint_runs_calls_in_a_shared_pool() -> None:
    """Twenty requests share one pool of two slots; each gets its own answer."""
    with Pool(2) as pool:

        async def square(request: Request) -> JSONResponse:
            number = int(request.path_params["number"])
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(pool.executor, pow, number, 2)
            return JSONResponse(answer)

        async def ask() -> list[int]:
            app = Starlette(routes=[Route("/{number}", square)])
            transport = ASGITransport(app)
            async with AsyncClient(transport=transport, base_url="http://us") as client:
                calls = [client.get(f"/{number}") for number in range(20)]
                return [answer.json() for answer in await asyncio.gather(*calls)]

        answers = asyncio.run(ask())

    assert answers == [number**2 for number in range(20)]
