"""Devices behind a Bluetooth proxy: its few slots are given back whatever happens."""

from collections.abc import AsyncIterator

from homeassistant.core import HomeAssistant
import pytest

from custom_components.fieldbridge.const import DOMAIN
from tests.bluez import Peripheral, heart_rate_strap

from .bluetooth_proxy import Proxy
from .conftest import let_go
from .flows import Flow
from .links import set_up, until, until_state
from .test_bluetooth import strap_entry


@pytest.fixture
async def proxy(hass: HomeAssistant) -> AsyncIterator[Proxy]:
    """A proxy with one slot."""
    proxy = Proxy(slots=1)
    await proxy.start(hass)
    yield proxy
    await let_go(hass, DOMAIN)
    proxy.stop()


@pytest.fixture
def strap(proxy: Proxy) -> Peripheral:
    """A chest strap within range of the proxy."""
    return proxy.hear(heart_rate_strap())


async def test_values_come_through_a_proxy(hass: HomeAssistant, proxy: Proxy, strap: Peripheral) -> None:
    await set_up(hass, strap_entry(strap, read={"2a19": 3600.0}))
    await until(lambda: proxy.clients and proxy.clients[0].subscribed)
    proxy.notify(strap, "2a37", b"\x00\x48")
    await until_state(hass, "sensor.strap_heart_rate", "72")


async def test_a_slot_is_free_after_unload_reload_and_removal(
    hass: HomeAssistant, proxy: Proxy, strap: Peripheral
) -> None:
    entry = strap_entry(strap)
    await set_up(hass, entry)
    await until(lambda: proxy.clients)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert not proxy.clients

    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: proxy.clients)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: proxy.clients)
    await hass.config_entries.async_remove(entry.entry_id)
    assert not proxy.clients


async def test_a_broken_connection_is_made_again_over_the_same_slot(
    hass: HomeAssistant, proxy: Proxy, strap: Peripheral
) -> None:
    await set_up(hass, strap_entry(strap))
    await until(lambda: proxy.clients)
    (before,) = proxy.clients
    proxy.drop(strap)
    await until_state(hass, "binary_sensor.strap_connectivity", "off")
    await until(lambda: proxy.clients)
    assert proxy.clients != [before]


async def test_a_device_on_a_rate_leaves_its_slot_to_others(
    hass: HomeAssistant, proxy: Proxy, strap: Peripheral
) -> None:
    other = proxy.hear(heart_rate_strap("AA:BB:CC:DD:EE:05"))
    await set_up(hass, strap_entry(strap, notify=[], read={"2a19": 60.0}, connecting="rate"))
    await until_state(hass, "binary_sensor.strap_connectivity", "on")
    await until(lambda: not proxy.clients)
    other_entry = strap_entry(other)
    await set_up(hass, other_entry)
    await until(lambda: [client.peripheral for client in proxy.clients] == [other])


async def test_without_a_free_slot_the_flow_says_so_at_once(
    hass: HomeAssistant, proxy: Proxy, strap: Peripheral
) -> None:
    proxy.slots = 0
    flow = await Flow.config(hass, "ble")
    await flow.submit({"address": strap.address})
    await flow.until("ble_no_slot")
    assert "Proxy" in flow.text("error")


async def test_a_link_without_a_free_slot_takes_the_next_one(
    hass: HomeAssistant, proxy: Proxy, strap: Peripheral
) -> None:
    proxy.slots = 0
    await set_up(hass, strap_entry(strap))
    await until_state(hass, "binary_sensor.strap_connectivity", "off")
    proxy.slots = 1
    await until(lambda: proxy.clients)


async def test_a_device_out_of_range_is_explained_by_home_assistant(
    hass: HomeAssistant, proxy: Proxy, strap: Peripheral
) -> None:
    strap.reachable = False
    flow = await Flow.config(hass, "ble")
    await flow.submit({"address": strap.address})
    await flow.watch(lambda: flow.step != "ble_connect")
    assert flow.step == "ble_unreachable"
    assert "the proxy gets no answer" in flow.text("error")


async def test_a_discovered_device_leads_to_its_confirmation(hass: HomeAssistant, proxy: Proxy) -> None:
    proxy.hear(heart_rate_strap())
    await until(lambda: hass.config_entries.flow.async_progress_by_handler(DOMAIN))
    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert flow["step_id"] == "bluetooth_confirm"
    assert flow["context"]["title_placeholders"] == {"name": "Strap"}
