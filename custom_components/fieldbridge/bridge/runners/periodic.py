"""Functions that are called on an interval for their effect alone."""

import logging

from .registrations import PeriodicRegistration
from .retrying import Beats
from .services import Services

_LOGGER = logging.getLogger(__name__)


async def run_periodic(registration: PeriodicRegistration, services: Services) -> None:
    """Call at once and then on every interval until shutdown; an error is told once, until it changes or is over."""
    providers = services.base_providers(f"fieldbridge.{registration.name}")
    try:
        interval = services.interval(registration, registration.interval)
        arguments = services.arguments(registration, providers)
    except Exception as err:
        _LOGGER.exception("Periodic %s cannot start", registration.name)
        await services.errors.publish(err, device=registration.name, is_root=True)
        return
    reported: type[Exception] | None = None
    beats = Beats(services.clock.now(), interval, services.clock, services.shutdown)
    while await beats.next():
        try:
            await registration.func(**arguments)
            await services.reactors.react(providers)
        except Exception as err:
            if type(err) is not reported:
                _LOGGER.exception("Periodic %s failed", registration.name)
                await services.errors.publish(err, device=registration.name, is_root=True)
            reported = type(err)
        else:
            reported = None
