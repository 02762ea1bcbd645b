"""The counterparts that the tests lean on behave like the real things."""

import os
import socket

import pytest

from demo.pty_link import PtyLink

from .mosquitto import Mosquitto


def test_a_port_on_a_pty_delivers_bytes_to_whoever_opens_its_path(pty_link: PtyLink) -> None:
    reader = os.open(pty_link.path, os.O_RDWR | os.O_NOCTTY)

    pty_link.write(b"\x00\xff 20.4 %\r\n")

    assert os.read(reader, 100) == b"\x00\xff 20.4 %\r\n"
    os.close(reader)


def test_an_unplugged_port_fails_under_its_reader_and_comes_back_at_the_same_path(pty_link: PtyLink) -> None:
    reader = os.open(pty_link.path, os.O_RDWR | os.O_NOCTTY)

    pty_link.unplug()

    with pytest.raises(OSError, match="Input/output error"):
        os.write(reader, b"?")
    os.close(reader)
    assert not pty_link.path.exists()

    pty_link.plug()
    reader = os.open(pty_link.path, os.O_RDWR | os.O_NOCTTY)
    pty_link.write(b"back")
    assert os.read(reader, 100) == b"back"
    os.close(reader)


def test_what_nobody_reads_is_lost_instead_of_blocking_the_writer(pty_link: PtyLink) -> None:
    written = [pty_link.write(bytes(1024)) for _ in range(100)]

    assert written[0] == 1024
    assert written[-1] == 0


def test_the_broker_is_away_while_it_is_stopped_and_back_on_the_same_port(mosquitto: Mosquitto) -> None:
    address = (mosquitto.host, mosquitto.port)
    socket.create_connection(address).close()

    mosquitto.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)

    mosquitto.start()
    socket.create_connection(address).close()


def test_the_broker_with_a_password_knows_its_user_alone(mosquitto_with_password: Mosquitto) -> None:
    assert _connect_result(mosquitto_with_password, "secret") == 0
    assert _connect_result(mosquitto_with_password, "wrong") == 5


def _connect_result(broker: Mosquitto, password: str) -> int:
    """Return the code of MQTT 3.1.1's CONNACK: 0 accepted, 5 not authorised."""
    assert broker.user is not None
    fields = [b"test", broker.user.encode(), password.encode()]
    body = b"\x00\x04MQTT\x04\xc2\x00\x0a" + b"".join(len(field).to_bytes(2) + field for field in fields)
    with socket.create_connection((broker.host, broker.port)) as connection:
        connection.sendall(bytes([0x10, len(body)]) + body)
        return connection.recv(4)[3]


def test_no_test_reaches_beyond_this_machine(loopback_sockets: None) -> None:
    with pytest.raises(BaseException, match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 9), timeout=1)
