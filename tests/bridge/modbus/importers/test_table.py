"""Tables of data sheets become profiles, however they are separated and however addresses are written."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels import Channel
from custom_components.fieldbridge.bridge.errors import ProfileError
from custom_components.fieldbridge.bridge.modbus import Register, RegisterDecoder, Table
from custom_components.fieldbridge.bridge.modbus.importers.result import Import, Reason
from custom_components.fieldbridge.bridge.modbus.importers.table import TableOptions, read_table


def parts(text: str, options: TableOptions | None = None) -> tuple[list[Channel], list[Register], Import]:
    result = read_table(text, options)
    (device,) = result.devices
    assert isinstance(device.profile.decoder, RegisterDecoder)
    channels = list(device.profile.channels)
    return channels, [device.profile.decoder.registers[channel.source] for channel in channels], result


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_the_separator_is_found(separator: str) -> None:
    text = "Address;Name;Data type;Unit;Scale\n0x0010;Power;int32;W;0.1\n18;Voltage;U16;V;0.01\n".replace(
        ";", separator
    )
    channels, registers, _ = parts(text)
    assert [(channel.name, channel.unit, channel.scale) for channel in channels] == [
        ("Power", "W", 0.1),
        ("Voltage", "V", 0.01),
    ]
    assert [(register.address, str(register.type)) for register in registers] == [(16, "int32"), (18, "uint16")]
    assert [(channel.device_class, channel.state_class) for channel in channels] == [
        ("power", "measurement"),
        ("voltage", "measurement"),
    ]


def test_a_markdown_table_is_a_table() -> None:
    text = "# Registers\n\n| Register | Description | Type |\n|---|:---:|---|\n"
    text += "| 3-4 | Energy | unsigned long |\n| 5 | Mode | |\n"
    _, registers, _ = parts(text)
    assert [(register.address, str(register.type)) for register in registers] == [(3, "uint32"), (5, "uint16")]


def test_numbers_with_a_decimal_comma_are_read_where_a_semicolon_separates() -> None:
    channels, _, _ = parts("Adresse;Bezeichnung;Typ;Faktor;Einheit\n1;Spannung;UINT16;0,1;V\n")
    assert channels[0].scale == 0.1


@pytest.mark.parametrize(
    ("text", "table", "address"),
    [
        ("40001", Table.HOLDING, 0),
        ("30010", Table.INPUT, 9),
        ("10001", Table.DISCRETE, 0),
        ("00005", Table.COIL, 4),
        ("400101", Table.HOLDING, 100),
    ],
)
def test_addresses_like_40001_name_their_table(text: str, table: Table, address: int) -> None:
    _, (register,), result = parts(f"Register,Name\n{text},Value\n")
    assert (register.table, register.address) == (table, address)
    assert [remark.reason for remark in result.remarks] == [Reason.DIFFERENT]


def test_addresses_are_plain_where_one_is_not_written_so_or_a_person_says_so() -> None:
    _, registers, _ = parts("Register,Name\n40001,A\n12,B\n")
    assert [register.address for register in registers] == [40001, 12]
    _, registers, _ = parts("Register,Name\n40001,A\n", TableOptions(modicon=False, first=1))
    assert [register.address for register in registers] == [40000]


@pytest.mark.parametrize("text", ["000Ch", "0x000C", "0x0C", "C", "12", "000C"])
def test_addresses_are_decimal_or_hexadecimal(text: str) -> None:
    _, (register,), _ = parts(f"Address,Name\n{text},Value\n")
    assert register.address == 12


@pytest.mark.parametrize("text", ["Address,Name\n0009,A\n000A,B\n0010,C\n", "Address (hex),Name\n9,A\n0xA,B\n10h,C\n"])
def test_one_address_that_can_only_be_hexadecimal_says_what_the_others_are(text: str) -> None:
    _, registers, result = parts(text)
    assert [register.address for register in registers] == [9, 10, 16]
    assert [remark.reason for remark in result.remarks] == [Reason.DIFFERENT]


@pytest.mark.parametrize(
    ("text", "size", "expected"),
    [
        ("UINT16", "", "uint16"),
        ("signed int 32", "", "int32"),
        ("Float", "2", "float32"),
        ("uint", "2", "uint32"),
        ("int", "4", "int64"),
        ("IEEE 754", "", "float32"),
        ("U32 (CDAB)", "", "uint32"),
        ("", "2", "uint32"),
        ("double", "", "float64"),
    ],
)
def test_types_are_understood_in_many_words(text: str, size: str, expected: str) -> None:
    _, (register,), _ = parts(f"Address;Name;Type;Size\n1;Value;{text};{size}\n")
    assert register.type == expected
    assert register.word_order == ("little" if "CDAB" in text else "big")


def test_strings_take_their_length_from_the_size_or_the_type() -> None:
    _, registers, _ = parts("Address;Name;Type;Words\n1;A;ASCII;8\n20;B;string[16];\n")
    assert [register.count for register in registers] == [8, 8]


@pytest.mark.parametrize(("text", "expected"), [("0.1", 0.1), ("1/10", 0.1), ("x0.01", 0.01), ("÷10", 0.1), ("10", 10)])
def test_scales_are_written_in_many_ways(text: str, expected: float) -> None:
    channels, _, _ = parts(f"Address;Name;Scale\n1;Value;{text}\n")
    assert channels[0].scale == pytest.approx(expected)


def test_a_gain_divides() -> None:
    channels, _, _ = parts("Address;Name;Gain\n1;Value;100\n")
    assert channels[0].scale == 0.01


def test_what_can_be_written_is_there_but_off() -> None:
    text = "Address;Name;Access;Function;Min;Max\n1;Limit;R/W;03;0;100\n2;Relay;RW;coil;;\n3;Temperature;R;04;;\n"
    channels, registers, _ = parts(text)
    limit, relay, temperature = channels
    assert limit.write is not None
    assert (limit.write.control, limit.write.minimum, limit.write.maximum) == ("number", 0, 100)
    assert (limit.category, limit.enabled) == ("config", False)
    assert relay.write is not None
    assert relay.write.control == "switch"
    assert temperature.write is None
    assert [register.table for register in registers] == [Table.HOLDING, Table.COIL, Table.INPUT]


def test_rows_that_cannot_be_read_are_told_with_their_line() -> None:
    text = "Address;Name;Type;Note\n1;Good;uint16;x\n2;Odd;quaternion;\nabc xyz;Bad;uint16;\n"
    text += "70000;Far;uint16;\n4;;uint16;\n"
    channels, _, result = parts(text)
    assert [channel.name for channel in channels] == ["Good"]
    assert [(remark.reason, remark.place, remark.line) for remark in result.remarks] == [
        (Reason.INVALID, "Odd", 3),
        (Reason.INVALID, "Bad", 4),
        (Reason.INVALID, "Far", 5),
        (Reason.INVALID, "4", 6),
        (Reason.IGNORED, "Note", None),
    ]


@pytest.mark.parametrize("text", ["", "hello", "a,b\n1,2\n", "Address\n1\n", "x" * 1_000_001])
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(ProfileError):
        read_table(text)


CELLS = st.text(alphabet=st.sampled_from(list("0x1F4 hH-.,;|\t\"'abcuint32string[]÷/\n")), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS, CELLS), max_size=4), st.sampled_from([";", ",", "\t"]))
def test_any_table_is_a_device_with_remarks(rows: list[tuple[str, ...]], separator: str) -> None:
    text = separator.join(("Address", "Name", "Type", "Scale", "Size")) + "\n"
    text += "\n".join(separator.join(row) for row in rows)
    result = read_table(text)
    for device in result.devices:
        assert type(device.profile).from_dict(device.profile.to_dict()) == device.profile


@given(st.text(max_size=200))
def test_any_text_is_a_device_or_refused(text: str) -> None:
    try:
        assert read_table(text).links
    except ProfileError:
        return
