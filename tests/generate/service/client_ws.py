"""One WebSocket connection that sends one message and prints how it ended."""

import asyncio
import sys

import websockets


async def main(port):
    async with websockets.connect(f"ws://127.0.0.1:{port}/ws") as connection:
        await connection.send("hello")
        try:
            print(await connection.recv())
        except websockets.ConnectionClosed as closed:
            print(closed)


asyncio.run(main(sys.argv[1]))
