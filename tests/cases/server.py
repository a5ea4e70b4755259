"""A web server on loopback that takes 50 ms to answer: `python server.py` writes its port.

It ends when its standard input does.
"""

import asyncio
import sys


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer all requests of a connection with their path."""
    try:
        while line := await reader.readline():
            while (await reader.readline()).strip():
                pass
            await asyncio.sleep(0.05)
            path = line.split()[1]
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(path)}"
            writer.write(f"{head}\r\n\r\n".encode() + path)
            await writer.drain()
    except ConnectionError:
        pass  # the client is gone
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
