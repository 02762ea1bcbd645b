"""Asking the broker about an app that runs somewhere else."""

import asyncio

from .. import lazy
from ..mqtt import MqttClient
from ..topics import status_topic

OFFLINE = "offline"
"""What the broker keeps of an app that was shut down, or died."""


async def read_status(settings: lazy.MqttSettings, prefix: str, patience: float) -> str:
    """Return the retained status of the app under ``prefix``: its last heartbeat, or ``OFFLINE``.

    Raises MqttNotConnectedError without a broker, TimeoutError when none is kept after ``patience`` seconds.
    """
    # Under the app's own name the broker would take the probe for the app, and throw the app out.
    client = MqttClient(settings.model_copy(update={"client_id": "", "persistent_session": False}))
    status: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def take(topic: str, payload: str) -> None:
        if not status.done():
            status.set_result(payload)

    client.on_message(take)
    await client.check()
    await client.subscribe(status_topic(prefix))
    await client.start()
    try:
        async with asyncio.timeout(patience):
            return await status
    except TimeoutError:
        raise TimeoutError(f"the broker keeps no status on {status_topic(prefix)}") from None
    finally:
        await client.stop()
