"""What is due for the channels -> sent in one pass, by whoever owns the folder."""

import asyncio

from flows.assembly import assembled
from flows.opening import Parts


def send_due(parts: Parts) -> int:
    """Tries every delivery that is due; gives how many were tried. What fails waits for the deliver stage."""

    async def sent() -> int:
        async with assembled(parts) as assembly:
            return await assembly.deliverer.step()

    return asyncio.run(sent())
