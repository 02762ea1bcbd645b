"""Writes to Modbus devices: at once, read back, and never overwritten by what was polled before."""

from collections.abc import Sequence

from ..channels import Channel
from ..errors import LinkError, WriteError
from ..modbus import Register, Table, WriteMethod, WriteTarget
from ..modbus.device import Values, decode_or_none
from ..modbus.model import Raw, unscaled
from ..modbus.requests import RequestError
from ..transports.modbus import ModbusTransport
from .modbus_device import PolledDevice
from .modbus_poller import ModbusPoller


class ModbusWriter:
    """Writes raw values of one device's channels."""

    def __init__(self, device: PolledDevice, poller: ModbusPoller, transport: ModbusTransport) -> None:
        self._device = device
        self._poller = poller
        self._transport = transport

    async def write(self, channel: Channel, raw: object) -> None:
        """Write a channel's raw value and read back what became of it. Raises WriteError, LinkError."""
        device = self._device
        if channel.write is None or not isinstance(raw, int | float | str):
            raise WriteError(f"{raw!r} cannot be written")
        target = WriteTarget.from_dict(channel.write.target, device.decoder.registers)
        shown = target.verify or channel.source
        register, held = target.register, [shown] if shown else []
        device.hold(held)
        try:
            async with self._poller.turn(device.settings.unit, urgent=True):
                words = await self._words(target, raw)
                multiple = target.method is WriteMethod.MULTIPLE or len(words) > 1
                held = [*held, *device.written(register.table, register.address, register.end)]
                await self._send(register.table, register.address, words, multiple=multiple)
            if target.confirm_after:
                await self._poller.clock.sleep(target.confirm_after)
            await self._read_back(shown)
        except RequestError as err:
            raise WriteError(str(err)) from err
        except ValueError as err:
            raise WriteError(str(err)) from err
        finally:
            device.release(held)

    async def write_words(self, table: Table, address: int, words: Sequence[int]) -> None:
        """Write words or bits as they are. Raises WriteError, LinkError."""
        device = self._device
        async with self._poller.turn(device.settings.unit, urgent=True):
            held = device.written(table, address, address + len(words))
            try:
                await self._send(table, address, words, multiple=len(words) > 1)
            except (RequestError, ValueError) as err:
                raise WriteError(str(err)) from err
            finally:
                device.release(held)
        device.ask_now(self._poller.clock.now())
        self._poller.wake()

    async def _words(self, target: WriteTarget, raw: Raw) -> list[int]:
        """Return what to send for a raw value; asks for what it depends on first."""
        register = target.register
        if register.scale_register is not None:
            exponent = (await self._values(register.scale_register))[register.scale_register]
            raw = unscaled(raw, exponent)
        current: list[int] = []
        if register.is_part_of_word and target.read_modify_write:
            current = await self._read(register)
        return register.encode(raw, current)

    async def _send(self, table: Table, address: int, words: Sequence[int], *, multiple: bool) -> None:
        self._poller.counters.writes += 1
        try:
            await self._transport.write(self._device.settings.unit, table, address, words, multiple=multiple)
        except RequestError as err:
            self._poller.failed(self._device.settings.unit, err)
            raise

    async def _read_back(self, name: str) -> None:
        """Show what the device says now; a register that cannot be read leaves it to the next poll."""
        if not name:
            return
        async with self._poller.turn(self._device.settings.unit, urgent=True):
            try:
                values = await self._values(name)
            except RequestError, LinkError:
                return
            self._device.take(values, self._poller.clock.now())

    async def _values(self, name: str) -> Values:
        """Read a register and those that its value is made of."""
        registers = self._device.decoder.registers
        needed = self._device.decoder.words_of(name)
        return {each: decode_or_none(registers[each], await self._read(registers[each])) for each in sorted(needed)}

    async def _read(self, register: Register) -> list[int]:
        unit = self._device.settings.unit
        return await self._poller.read(unit, register.table, register.address, register.size)
