"""The frame of the benchmarks: what counts as met, and what the last line says."""

import json

import pytest

from benchmarks.runner import Claim, main, names, summary, table


@pytest.mark.parametrize(
    ("better", "ours", "met"),
    [("higher", 300.0, True), ("higher", 299.0, False), ("lower", 300.0, True), ("lower", 301.0, False)],
)
def test_a_claim_is_met_on_its_own_side_of_the_target(better: str, ours: float, met: bool) -> None:
    claim = Claim("lines", ours=ours, peer=100.0, target=3.0, better=better)  # type: ignore[arg-type]

    assert claim.ok is met


def test_one_missed_target_fails_the_whole_and_is_named() -> None:
    claims = [
        Claim("fast", ours=4.0, peer=1.0, target=3.0, better="higher"),
        Claim("small", ours=2.0, peer=1.0, target=0.5, better="lower"),
    ]

    result = json.loads(summary("demo", claims))

    assert (result["name"], result["ok"]) == ("demo", False)
    assert result["ratios"]["fast"] == {"ours": 4.0, "peer": 1.0, "ratio": 4.0, "target": 3.0, "ok": True}
    assert result["ratios"]["small"]["ok"] is False
    assert [line.split()[-1] for line in table(claims).splitlines()[1:]] == ["ok", "MISSED"]


async def test_an_unknown_name_is_refused_with_the_names_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert await main(["no-such-benchmark"]) == 2

    told = capsys.readouterr().err
    assert all(name in told for name in names())
