"""Requests to a server that takes 50 ms to answer (`server.py`)."""

import aiohttp
import requests

SESSION = requests.Session()


def get(url: str) -> str:
    return str(requests.get(url, timeout=10).text)


def get_session(url: str) -> str:
    return str(SESSION.get(url, timeout=10).text)


async def aget(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return str(await answer.text())
