"""Retained messages of devices that an app had in an earlier run and has no more."""

from collections.abc import Iterable

from ..runners.registrations import Registration
from ..runners.services import Services, load_store, save_store
from ..topics import device_topic

_KEY = "_retained"
"""Of the app's store; no device has a name that begins so by chance."""


async def take_back(services: Services, registrations: Iterable[Registration]) -> None:
    """Empty the retained topics of the devices that are gone, and remember those that there are."""
    store = services.device_store(_KEY)
    if store is None:
        return
    await load_store(store)
    names = {registration.name for registration in registrations if not registration.is_root}
    for gone in sorted(set(store.get("names", ())) - names):
        for channel in ("state", "availability"):
            topic = device_topic(services.topic_prefix, gone, channel, is_root=False)
            await services.mqtt.publish(topic, "", retain=True, qos=1)
    store["names"] = sorted(names)
    await save_store(store, _KEY)
