"""A table of registers as found in data sheets, pasted as CSV, tab separated or Markdown, to a profile.

What the columns are is guessed from their headers, and what separates them from how well the headers can be read then.
"""

from collections.abc import Mapping, Sequence
import csv
from dataclasses import dataclass
import re

from ...errors import ProfileError
from ..device import MAX_REGISTERS
from ..model import MAX_ADDRESS, MAX_WORDS, RegisterType, Table
from .build import DeviceBuild
from .device_entity import UNITS, DeviceEntity
from .options import whole_number
from .result import Import, ImportedLink, Reason, Remark

MAX_LENGTH = 1_000_000
"""Characters."""

_COLUMNS = {
    "address": "address|addr|register|reg|register address|modbus address|register no|start|start address|adresse|hex|"
    "dec",
    "name": "name|description|parameter|variable|variable name|signal|label|register name|documented name|bezeichnung",
    "type": "type|data type|datatype|format|data format|datentyp|typ",
    "scale": "scale|factor|scale factor|multiplier|resolution|scaling|skalierung|faktor|coefficient",
    "gain": "gain|divisor|divider",
    "offset": "value offset|bias",
    "unit": "unit|units|einheit|uom|unit of measurement",
    "access": "access|r/w|rw|writable|mode|read/write|zugriff|permission|attribute",
    "table": "function|function code|fc|table|register type|object type|object|area|modbus function|tabelle",
    "size": "size|length|count|quantity|words|registers|number of registers|number|len|quantity of registers|anzahl",
    "minimum": "min|minimum|min value|lower limit",
    "maximum": "max|maximum|max value|upper limit",
}
_COLUMN_OF = {word: column for column, words in _COLUMNS.items() for word in words.split("|")}
_SEPARATORS = (";", "\t", "|", ",")

_TABLES = {
    **dict.fromkeys(("3", "03", "0x03", "6", "16", "holding", "holding register", "hr", "4x"), Table.HOLDING),
    **dict.fromkeys(("4", "04", "0x04", "input", "input register", "ir", "3x"), Table.INPUT),
    **dict.fromkeys(("1", "01", "0x01", "5", "coil", "coils", "0x", "do"), Table.COIL),
    **dict.fromkeys(("2", "02", "0x02", "discrete", "discrete input", "contact", "1x", "di"), Table.DISCRETE),
}
_MODICON = {"4": Table.HOLDING, "3": Table.INPUT, "1": Table.DISCRETE, "0": Table.COIL}
_TYPES = {
    RegisterType.UINT16: "|uint16|u16|uint|word|ushort|unsigned|unsignedint16|unsignedint|unsignedshort|uint16t|uword|"
    "enum|enum16|bitfield|bitfield16|bitmap|hex",
    RegisterType.INT16: "int16|i16|s16|int|short|signed|signedint16|signedint|signedshort|sint16|int16t|sword",
    RegisterType.UINT32: "uint32|u32|dword|udword|ulong|unsignedlong|unsignedint32|uint32t|udint|bitfield32|enum32|"
    "acc32",
    RegisterType.INT32: "int32|i32|s32|long|dint|sdword|signedlong|signedint32|sint32|int32t",
    RegisterType.UINT64: "uint64|u64|unsignedint64|uint64t|acc64|qword",
    RegisterType.INT64: "int64|i64|s64|signedint64|sint64|int64t",
    RegisterType.FLOAT16: "float16|f16|half",
    RegisterType.FLOAT32: "float32|f32|float|real|single|ieee754|floatingpoint|float32bit|real32",
    RegisterType.FLOAT64: "float64|f64|double|lreal",
    RegisterType.BIT: "bool|boolean|bit|coil",
    RegisterType.STRING: "string|str|ascii|text|char|utf8",
    RegisterType.BCD16: "bcd|bcd16",
    RegisterType.BCD32: "bcd32",
}
_TYPE_OF = {word: kind for kind, words in _TYPES.items() for word in words.split("|")}
_ORDERS = {"cdab": "word", "badc": "byte", "dcba": "word_byte", "swapped": "word", "le": "word", "little": "word"}

_CLASSES = {
    "V": ("voltage", "measurement"),
    "mV": ("voltage", "measurement"),
    "A": ("current", "measurement"),
    "mA": ("current", "measurement"),
    "W": ("power", "measurement"),
    "kW": ("power", "measurement"),
    "VA": ("apparent_power", "measurement"),
    "var": ("reactive_power", "measurement"),
    "Hz": ("frequency", "measurement"),
    "°C": ("temperature", "measurement"),
    "Wh": ("energy", "total_increasing"),
    "kWh": ("energy", "total_increasing"),
}


_BARE = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]+(?![0-9A-Za-z])")
"""A number without the mark of a hexadecimal one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableOptions:
    """What a table does not say by itself."""

    table: Table = Table.HOLDING
    """For rows that name none."""
    first: int = 0
    """The number of the first register: 1 where a data sheet counts from 1."""
    modicon: bool | None = None
    """Whether addresses are written as 40001; None finds out."""


def read_table(text: str, options: TableOptions | None = None, name: str = "Modbus") -> Import:
    """Return the device of a pasted table; raises ProfileError when there is no table with addresses and names."""
    chosen = options or TableOptions()
    if len(text) > MAX_LENGTH:
        raise ProfileError("", f"the text is longer than {MAX_LENGTH} characters")
    columns, rows = _rows(text)
    if len(rows) > MAX_REGISTERS:
        raise ProfileError("", f"there are more than {MAX_REGISTERS} rows")
    remarks: list[Remark] = []
    is_modicon = chosen.modicon
    if is_modicon is None:
        is_modicon = bool(rows) and all(_looks_modicon(row.get("address", "")) for _, row in rows)
        if is_modicon:
            detail = "addresses are read as 40001, 30001 ...: the first digit is the table, the rest counts from 1"
            remarks.append(Remark(reason=Reason.DIFFERENT, place="address", detail=detail))
    if not is_modicon and _is_in_hex(columns, rows):
        rows = [(line, {**row, "address": _BARE.sub(r"0x\g<0>", row.get("address", ""))}) for line, row in rows]
        remarks.append(
            Remark(reason=Reason.DIFFERENT, place="address", detail="all addresses are read as hexadecimal numbers")
        )
    build = DeviceBuild()
    for line, row in rows:
        try:
            _entity(row, chosen, is_modicon=is_modicon).add_to(build)
        except ProfileError as err:
            place = row.get("name") or row.get("address") or f"line {line}"
            remarks.append(Remark(reason=Reason.INVALID, place=place, detail=str(err), line=line))
    remarks += [
        Remark(reason=Reason.IGNORED, place=header, detail="", line=None)
        for header in columns
        if _column(header) is None
    ]
    device = build.finish(name, None)
    return Import(links=(ImportedLink(name=name, devices=(device,)),), remarks=tuple(remarks))


def _rows(text: str) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Return the headers and the rows by column, each with its line."""
    best: tuple[int, list[str], list[tuple[int, list[str]]]] = (0, [], [])
    for separator in _SEPARATORS:
        cells = _cells(text, separator)
        for position, (_, headers) in enumerate(cells[:20]):  # a title may stand above
            known = {_column(header) for header in headers} - {None}
            if {"address", "name"} <= known and len(known) > best[0]:
                best = (len(known), headers, cells[position + 1 :])
    _, headers, cells = best
    if not headers:
        raise ProfileError("", "no row with headers for address and name was found")
    names = [_column(header) for header in headers]
    rows = []
    for line, values in cells:
        row: dict[str, str] = {}
        for column, value in zip(names, values, strict=False):
            if column is not None and value:
                row.setdefault(column, value)  # an address in hex and one in decimal are the same
        if row and not all(set(value) <= set("-: ") for value in row.values()):
            rows.append((line, row))
    return headers, rows


def _cells(text: str, separator: str) -> list[tuple[int, list[str]]]:
    try:
        reader = csv.reader(text.splitlines(), delimiter=separator)
        cells = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error:
        return []
    # A Markdown table has an empty cell at both ends.
    stripped = [(line, row[1:-1] if len(row) > 2 and not row[0] and not row[-1] else row) for line, row in cells]
    return [(line, row) for line, row in stripped if any(row)]


def _column(header: str) -> str | None:
    words = re.sub(r"[_\s]+", " ", header.strip().lower()).strip(" .:#*")
    return _COLUMN_OF.get(words) or _COLUMN_OF.get(re.sub(r"\s*[(\[].*", "", words))


def _entity(row: Mapping[str, str], options: TableOptions, *, is_modicon: bool) -> DeviceEntity:
    name = row.get("name", "")
    if not name:
        raise ProfileError("name", "is missing")
    table = _table(row.get("table", ""), options.table)
    address, last = _address(row.get("address", ""))
    if is_modicon:
        table, address, last = _from_modicon(row["address"], address, last)
    else:
        address, last = address - options.first, last - options.first
    if not 0 <= address <= MAX_ADDRESS:
        raise ProfileError("address", f"must be from {options.first} to {MAX_ADDRESS + options.first}")
    size = _size(row.get("size", "")) or (last - address + 1 if last > address else None)
    kind, swap, characters = _type(row.get("type", ""), size, table)
    unit = UNITS.get(row.get("unit", ""), row.get("unit", "")) or None
    device_class, state_class = _CLASSES.get(unit or "", (None, None))
    is_written = "w" in row.get("access", "").lower() and table.is_writable and kind is not RegisterType.STRING
    platform = "switch" if table.is_bits else "number"
    return DeviceEntity(
        key=name,
        name=name[:100],
        table=table,
        address=address,
        type=kind,
        count=(size or -(-characters // 2) or 1) if kind is RegisterType.STRING else None,
        swap=swap,
        scale=_scale(row),
        offset=_number(row["offset"], "offset") if "offset" in row else None,
        platform=platform if is_written else "binary_sensor" if table.is_bits else "sensor",
        minimum=_number(row["minimum"], "minimum") if "minimum" in row else None,
        maximum=_number(row["maximum"], "maximum") if "maximum" in row else None,
        shown={
            "unit": None if kind in {RegisterType.STRING, RegisterType.BIT} else unit,
            "device_class": None if kind in {RegisterType.STRING, RegisterType.BIT} else device_class,
            "state_class": None if is_written or kind in {RegisterType.STRING, RegisterType.BIT} else state_class,
            # What can be set is set on purpose only.
            **({"category": "config", "enabled": False} if is_written else {}),
        },
    )


def _table(text: str, default: Table) -> Table:
    """Return the table that a function code or a word names."""
    words = text.strip().lower()
    if not words:
        return default
    if found := _TABLES.get(words) or _TABLES.get(re.split(r"[\s,/(+]", words)[0]):
        return found
    for word, table in (("holding", Table.HOLDING), ("input reg", Table.INPUT), ("coil", Table.COIL)):
        if word in words:
            return table
    return Table.DISCRETE if "discrete" in words else default


def _is_in_hex(headers: Sequence[str], rows: Sequence[tuple[int, Mapping[str, str]]]) -> bool:
    """Whether addresses without a mark are hexadecimal: the header says so, or one of them can be nothing else.

    In a column with ``000A`` the address ``0010`` is 16.
    """
    header = next((each for each in headers if _column(each) == "address"), "")
    if "hex" in header.lower():
        return True
    found = (_BARE.fullmatch(row.get("address", "").strip()) for _, row in rows)
    return any(match is not None and re.search("[a-fA-F]", match[0]) and re.search(r"\d", match[0]) for match in found)


def _address(text: str) -> tuple[int, int]:
    """Return the first and last address of ``12``, ``0x0C``, ``0Ch``, ``12-13``; raises ProfileError."""
    parts = [part.strip() for part in re.split(r"\s*(?:-|\.\.|~|\u2013|to)\s*", text.strip().lower(), maxsplit=1)]
    numbers = []
    for part in parts:
        in_hex = part.endswith("h") or (re.search("[a-f]", part) and not part.startswith("0x"))
        number = whole_number(f"0x{part.removesuffix('h')}" if in_hex else part.replace(" ", ""))
        if number is None:
            raise ProfileError("address", f"{text[:40]!r} is no address")
        numbers.append(number)
    return numbers[0], numbers[-1]


def _looks_modicon(text: str) -> bool:
    return re.match(r"[0134]\d{4,5}(?!\d)", text.strip()) is not None and text.strip()[1:6].strip("0") != ""


def _from_modicon(text: str, address: int, last: int) -> tuple[Table, int, int]:
    """Return table and addresses of ``40001``; raises ProfileError."""
    digits = re.match(r"\d+", text.strip())
    if digits is None or len(digits[0]) not in {5, 6} or digits[0][0] not in _MODICON:
        raise ProfileError("address", f"{text[:40]!r} is not written as 40001")
    base = int(digits[0][0]) * 10 ** (len(digits[0]) - 1) + 1
    return _MODICON[digits[0][0]], address - base, last - base


def _size(text: str) -> int | None:
    number = whole_number(text.split(" ", maxsplit=1)[0]) if text else None
    return number if number is not None and 1 <= number <= MAX_WORDS else None


def _type(text: str, size: int | None, table: Table) -> tuple[RegisterType, str | None, int]:
    """Return type, swap and characters (of a string); a number of two registers without a type is taken as 32 bits."""
    if table.is_bits:
        return RegisterType.BIT, None, 0
    words = re.findall(r"[a-z]+\d*|\d+", text.lower().replace("_t", ""))
    swap = next((_ORDERS[word] for word in words if word in _ORDERS), None)
    plain = "".join(
        word for word in words if word not in _ORDERS and word not in {"be", "big", "abcd", "endian", "bit", "bits"}
    )
    digits = re.search(r"(\d+)$", plain)
    kind = _TYPE_OF.get(plain) or _TYPE_OF.get(re.sub(r"\d+$", "", plain))
    if kind is None:
        raise ProfileError("type", f"{text[:40]!r} is not known")
    if kind is RegisterType.BIT:
        raise ProfileError("type", "a bit of a register needs its number: use the register browser or a form")
    if kind is RegisterType.STRING:
        return kind, swap, min(int(digits[1][:4]), 2 * MAX_WORDS) if digits else 0
    wider = {
        (RegisterType.UINT16, 2): RegisterType.UINT32,
        (RegisterType.INT16, 2): RegisterType.INT32,
        (RegisterType.UINT16, 4): RegisterType.UINT64,
        (RegisterType.INT16, 4): RegisterType.INT64,
        (RegisterType.FLOAT32, 4): RegisterType.FLOAT64,
    }
    is_exact = digits is not None or size is None
    return kind if is_exact else wider.get((kind, size or 1), kind), swap, 0


def _scale(row: Mapping[str, str]) -> float | None:
    if "gain" in row and (gain := _number(row["gain"], "gain")):
        return 1 / gain
    if "scale" not in row:
        return None
    text = row["scale"].strip().lower().lstrip("x*").strip()
    if match := re.fullmatch(r"(?:1\s*/|/|÷)\s*([\d.,]+)", text):
        divisor = _number(match[1], "scale")
        return 1 / divisor if divisor else None
    return _number(text, "scale") or None


def _number(text: str, place: str) -> float:
    """Return a number that stands in a table, with a decimal point or comma and with or without a unit behind it."""
    match = re.match(r"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d{1,2})?", text.strip().replace(" ", ""))
    if match is None or len(match[0]) > 40:
        raise ProfileError(place, f"{text[:40]!r} is no number")
    number = float(match[0].replace(",", "."))
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
