"""The usual checksums by name: sums, exclusive or, and the CRCs whose parameters are in the public catalogues."""

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, reduce
from operator import xor
import zlib

type CheckFunction = Callable[[bytes], int]


@dataclass(frozen=True, slots=True)
class Crc:
    """The parameters of one cyclic redundancy check, as the catalogues write them."""

    width: int
    """Bits."""
    polynomial: int
    """The most significant bit first, without the leading one."""
    initial: int
    reflected: bool
    """Whether the least significant bit comes first, in bytes and result alike."""
    final_xor: int

    def function(self) -> CheckFunction:
        """Return bytes -> check value, on a table or on the C functions of the standard library."""
        final = self.final_xor
        if self.reflected and self.width == 32 and self.polynomial == 0x04C11DB7 and self.initial == 0xFFFFFFFF:
            return lambda data: zlib.crc32(data) ^ 0xFFFFFFFF ^ final
        if not self.reflected and self.width == 16 and self.polynomial == 0x1021:
            initial = self.initial
            return lambda data: binascii.crc_hqx(data, initial) ^ final
        return self._reflected_function() if self.reflected else self._plain_function()

    def _reflected_function(self) -> CheckFunction:
        polynomial, start = _reversed_bits(self.polynomial, self.width), _reversed_bits(self.initial, self.width)
        table, final = [], self.final_xor
        for byte in range(256):
            crc = byte
            for _ in range(8):
                crc = crc >> 1 ^ polynomial if crc & 1 else crc >> 1
            table.append(crc)

        def crc_of(data: bytes) -> int:
            crc = start
            for byte in data:
                crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
            return crc ^ final

        return crc_of

    def _plain_function(self) -> CheckFunction:
        shift, top, mask = self.width - 8, 1 << (self.width - 1), (1 << self.width) - 1
        table, start, final = [], self.initial, self.final_xor
        for byte in range(256):
            crc = byte << shift
            for _ in range(8):
                crc = (crc << 1 ^ self.polynomial if crc & top else crc << 1) & mask
            table.append(crc)

        def crc_of(data: bytes) -> int:
            crc = start
            for byte in data:
                crc = (crc << 8 & mask) ^ table[crc >> shift ^ byte]
            return crc ^ final

        return crc_of


CRCS: dict[str, Crc] = {
    "crc-8/autosar": Crc(8, 0x2F, 0xFF, False, 0xFF),
    "crc-8/bluetooth": Crc(8, 0xA7, 0x00, True, 0x00),
    "crc-8/cdma2000": Crc(8, 0x9B, 0xFF, False, 0x00),
    "crc-8/darc": Crc(8, 0x39, 0x00, True, 0x00),
    "crc-8/dvb-s2": Crc(8, 0xD5, 0x00, False, 0x00),
    "crc-8/gsm-a": Crc(8, 0x1D, 0x00, False, 0x00),
    "crc-8/gsm-b": Crc(8, 0x49, 0x00, False, 0xFF),
    "crc-8/hitag": Crc(8, 0x1D, 0xFF, False, 0x00),
    "crc-8/i-432-1": Crc(8, 0x07, 0x00, False, 0x55),
    "crc-8/i-code": Crc(8, 0x1D, 0xFD, False, 0x00),
    "crc-8/lte": Crc(8, 0x9B, 0x00, False, 0x00),
    "crc-8/maxim-dow": Crc(8, 0x31, 0x00, True, 0x00),
    "crc-8/mifare-mad": Crc(8, 0x1D, 0xC7, False, 0x00),
    "crc-8/nrsc-5": Crc(8, 0x31, 0xFF, False, 0x00),
    "crc-8/opensafety": Crc(8, 0x2F, 0x00, False, 0x00),
    "crc-8/rohc": Crc(8, 0x07, 0xFF, True, 0x00),
    "crc-8/sae-j1850": Crc(8, 0x1D, 0xFF, False, 0xFF),
    "crc-8/smbus": Crc(8, 0x07, 0x00, False, 0x00),
    "crc-8/tech-3250": Crc(8, 0x1D, 0xFF, True, 0x00),
    "crc-8/wcdma": Crc(8, 0x9B, 0x00, True, 0x00),
    "crc-16/arc": Crc(16, 0x8005, 0x0000, True, 0x0000),
    "crc-16/cdma2000": Crc(16, 0xC867, 0xFFFF, False, 0x0000),
    "crc-16/cms": Crc(16, 0x8005, 0xFFFF, False, 0x0000),
    "crc-16/dds-110": Crc(16, 0x8005, 0x800D, False, 0x0000),
    "crc-16/dect-r": Crc(16, 0x0589, 0x0000, False, 0x0001),
    "crc-16/dect-x": Crc(16, 0x0589, 0x0000, False, 0x0000),
    "crc-16/dnp": Crc(16, 0x3D65, 0x0000, True, 0xFFFF),
    "crc-16/en-13757": Crc(16, 0x3D65, 0x0000, False, 0xFFFF),
    "crc-16/genibus": Crc(16, 0x1021, 0xFFFF, False, 0xFFFF),
    "crc-16/gsm": Crc(16, 0x1021, 0x0000, False, 0xFFFF),
    "crc-16/ibm-3740": Crc(16, 0x1021, 0xFFFF, False, 0x0000),
    "crc-16/ibm-sdlc": Crc(16, 0x1021, 0xFFFF, True, 0xFFFF),
    "crc-16/iso-iec-14443-3-a": Crc(16, 0x1021, 0xC6C6, True, 0x0000),
    "crc-16/kermit": Crc(16, 0x1021, 0x0000, True, 0x0000),
    "crc-16/lj1200": Crc(16, 0x6F63, 0x0000, False, 0x0000),
    "crc-16/m17": Crc(16, 0x5935, 0xFFFF, False, 0x0000),
    "crc-16/maxim-dow": Crc(16, 0x8005, 0x0000, True, 0xFFFF),
    "crc-16/mcrf4xx": Crc(16, 0x1021, 0xFFFF, True, 0x0000),
    "crc-16/modbus": Crc(16, 0x8005, 0xFFFF, True, 0x0000),
    "crc-16/nrsc-5": Crc(16, 0x080B, 0xFFFF, True, 0x0000),
    "crc-16/opensafety-a": Crc(16, 0x5935, 0x0000, False, 0x0000),
    "crc-16/opensafety-b": Crc(16, 0x755B, 0x0000, False, 0x0000),
    "crc-16/profibus": Crc(16, 0x1DCF, 0xFFFF, False, 0xFFFF),
    "crc-16/riello": Crc(16, 0x1021, 0xB2AA, True, 0x0000),
    "crc-16/spi-fujitsu": Crc(16, 0x1021, 0x1D0F, False, 0x0000),
    "crc-16/t10-dif": Crc(16, 0x8BB7, 0x0000, False, 0x0000),
    "crc-16/teledisk": Crc(16, 0xA097, 0x0000, False, 0x0000),
    "crc-16/tms37157": Crc(16, 0x1021, 0x89EC, True, 0x0000),
    "crc-16/umts": Crc(16, 0x8005, 0x0000, False, 0x0000),
    "crc-16/usb": Crc(16, 0x8005, 0xFFFF, True, 0xFFFF),
    "crc-16/xmodem": Crc(16, 0x1021, 0x0000, False, 0x0000),
    "crc-32/aixm": Crc(32, 0x814141AB, 0x00000000, False, 0x00000000),
    "crc-32/autosar": Crc(32, 0xF4ACFB13, 0xFFFFFFFF, True, 0xFFFFFFFF),
    "crc-32/base91-d": Crc(32, 0xA833982B, 0xFFFFFFFF, True, 0xFFFFFFFF),
    "crc-32/bzip2": Crc(32, 0x04C11DB7, 0xFFFFFFFF, False, 0xFFFFFFFF),
    "crc-32/cd-rom-edc": Crc(32, 0x8001801B, 0x00000000, True, 0x00000000),
    "crc-32/cksum": Crc(32, 0x04C11DB7, 0x00000000, False, 0xFFFFFFFF),
    "crc-32/iscsi": Crc(32, 0x1EDC6F41, 0xFFFFFFFF, True, 0xFFFFFFFF),
    "crc-32/iso-hdlc": Crc(32, 0x04C11DB7, 0xFFFFFFFF, True, 0xFFFFFFFF),
    "crc-32/jamcrc": Crc(32, 0x04C11DB7, 0xFFFFFFFF, True, 0x00000000),
    "crc-32/mef": Crc(32, 0x741B8CD7, 0xFFFFFFFF, True, 0x00000000),
    "crc-32/mpeg-2": Crc(32, 0x04C11DB7, 0xFFFFFFFF, False, 0x00000000),
    "crc-32/xfer": Crc(32, 0x000000AF, 0x00000000, False, 0x00000000),
}
"""CRC name to parameters; reflected input and output always go together here."""


def _fletcher16(data: bytes) -> int:
    low = high = 0
    for byte in data:
        low = (low + byte) % 255
        high = (high + low) % 255
    return high << 8 | low


SUMS: dict[str, tuple[int, CheckFunction]] = {
    "sum8": (8, lambda data: sum(data) & 0xFF),
    "sum16": (16, lambda data: sum(data) & 0xFFFF),
    "sum32": (32, lambda data: sum(data) & 0xFFFFFFFF),
    "xor8": (8, lambda data: reduce(xor, data, 0)),
    "lrc": (8, lambda data: -sum(data) & 0xFF),
    "sum8_inverted": (8, lambda data: ~sum(data) & 0xFF),
    "sum16_negative": (16, lambda data: -sum(data) & 0xFFFF),
    "sum16_inverted": (16, lambda data: ~sum(data) & 0xFFFF),
    "sum32_negative": (32, lambda data: -sum(data) & 0xFFFFFFFF),
    "fletcher16": (16, _fletcher16),
    "adler32": (32, zlib.adler32),
}
"""Name to (bits, function of the covered bytes). ``lrc`` is the two's complement of the sum: all bytes add up to 0."""

ALGORITHMS = (*SUMS, *CRCS)
"""Every name, the simplest first."""


def width_of(name: str) -> int:
    """Return the bits of a check's value. Raises KeyError for an unknown name."""
    return SUMS[name][0] if name in SUMS else CRCS[name].width


@cache
def function_of(name: str) -> CheckFunction:
    """Return the function of the covered bytes. Raises KeyError for an unknown name."""
    return SUMS[name][1] if name in SUMS else CRCS[name].function()


def _reversed_bits(value: int, width: int) -> int:
    return int(f"{value:0{width}b}"[::-1], 2)
