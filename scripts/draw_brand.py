"""Draw the brand images (a suspension bridge whose cable is a wave) into custom_components/fieldbridge/brand/."""

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

BRAND = Path(__file__).parent.parent / "custom_components" / "fieldbridge" / "brand"
OVERSAMPLING = 4
"""Drawn larger and reduced, since Pillow's lines have no smooth edges."""

TEAL, BLUE, AMBER = (13, 148, 136), (30, 64, 175), (251, 191, 36)
INK, PAPER = (15, 23, 42), (241, 245, 249)

type Colour = tuple[int, int, int]


def _blend(start: Colour, end: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


def _gradient(size: int) -> Image.Image:
    """Return a square that runs from teal (top left) to blue (bottom right)."""
    image = Image.new("RGB", (size, size))
    draw = ImageDraw.Draw(image)
    for step in range(2 * size):
        draw.line([(step, 0), (0, step)], fill=_blend(TEAL, BLUE, step / (2 * size)), width=2)
    return image


def _polyline(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], fill: Colour, width: float) -> None:
    """Draw a line with round joints and ends."""
    draw.line(points, fill=fill, width=round(width))
    for x, y in points:
        draw.circle((x, y), width / 2, fill=fill)


def draw_icon(size: int) -> Image.Image:
    """Return the mark: two towers and a deck in white, the cable between them an amber wave."""
    s = size * OVERSAMPLING
    icon = Image.new("RGBA", (s, s))
    mask = Image.new("L", (s, s))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, s - 1, s - 1), radius=0.22 * s, fill=255)
    icon.paste(_gradient(s), mask=mask)
    draw = ImageDraw.Draw(icon)

    deck, towers, width = 0.70 * s, (0.26 * s, 0.74 * s), 0.042 * s
    cable = [(x / 400 * s, (0.45 - 0.17 * math.cos(2 * math.pi * (x / 400 - 0.26) / 0.48)) * s) for x in range(40, 361)]
    for x, y in cable[20:-19:20]:
        draw.line([(x, y), (x, deck)], fill=_blend(TEAL, PAPER, 0.55), width=round(0.012 * s))
    for x in towers:
        _polyline(draw, [(x, 0.20 * s), (x, 0.84 * s)], PAPER, 1.3 * width)
    _polyline(draw, [(0.12 * s, deck), (0.88 * s, deck)], PAPER, width)
    _polyline(draw, cable, AMBER, 1.15 * width)
    return icon.resize((size, size), Image.Resampling.LANCZOS)


def draw_logo(height: int, colour: Colour) -> Image.Image:
    """Return the mark with the name beside it, on a transparent ground, for texts of ``colour``."""
    font = ImageFont.load_default(0.62 * height)
    name_width = font.getlength("Fieldbridge")
    logo = Image.new("RGBA", (round(1.18 * height + name_width), height))
    logo.paste(draw_icon(height))
    ImageDraw.Draw(logo).text((1.15 * height, height / 2), "Fieldbridge", font=font, fill=colour, anchor="lm")
    return logo


def main() -> None:
    """Write every image that Home Assistant looks for."""
    BRAND.mkdir(parents=True, exist_ok=True)
    for suffix, size in (("", 256), ("@2x", 512)):
        for prefix, colour in (("", INK), ("dark_", PAPER)):
            draw_icon(size).save(BRAND / f"{prefix}icon{suffix}.png", optimize=True)
            draw_logo(size, colour).save(BRAND / f"{prefix}logo{suffix}.png", optimize=True)


if __name__ == "__main__":
    main()
