"""TLS to a broker: the context of its certificates, and sockets that do not outlive a handshake that failed."""

import ssl
from typing import override

from .. import lazy


class BrokerSocket(ssl.SSLSocket):
    """Closed when the handshake fails: the library would leave it open for as long as somebody keeps the error."""

    @override
    def do_handshake(self, block: bool = False) -> None:
        """Negotiate; the socket is closed when an error is raised."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def broker_context(settings: lazy.MqttSettings) -> ssl.SSLContext:
    """Return a context with the certificates that the settings name, else those of the system; reads files.

    Raises OSError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if settings.tls_cert_file is not None:
        context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
    if settings.tls_ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(settings.tls_ca_file)
    return context
