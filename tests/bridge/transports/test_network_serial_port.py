"""A serial port at the other end of the network (rfc2217://), with its settings negotiated."""

from collections.abc import Iterator

import pytest

from custom_components.fieldbridge.bridge.errors import LinkError
from demo.pty_link import PtyLink

from .listener import Listener, send
from .rfc2217_server import Rfc2217Server


@pytest.fixture
def server(loopback_sockets: None, pty_link: PtyLink) -> Iterator[Rfc2217Server]:
    server = Rfc2217Server(pty_link.path)
    yield server
    server.close()


async def test_frames_of_a_network_serial_port_arrive_escapes_included(
    server: Rfc2217Server, pty_link: PtyLink
) -> None:
    listener = Listener(server.url)
    await listener.start()

    await send(pty_link, b"20.4;%\nTelnet's own byte \xff is data here\n")

    await listener.until(frames=2)
    assert listener.data == [b"20.4;%", b"Telnet's own byte \xff is data here"]
    await listener.close()


async def test_a_server_that_hangs_up_is_a_lost_link(server: Rfc2217Server) -> None:
    listener = Listener(server.url)
    await listener.start()

    server.close()

    await listener.until(losses=1)
    assert isinstance(listener.losses[0], LinkError)
    await listener.close()
