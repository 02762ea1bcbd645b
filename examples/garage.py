"""A device with commands: a garage door that takes its time, and a lamp that is switched by a handler."""

from fieldbridge import App, Command, DeviceContext
from fieldbridge.controls import ButtonControl, NumberControl, SwitchControl, controls

SPEED = 10  # percent of the way per second

app = App("garage")


@app.device("door")
@controls(
    NumberControl("Position", unit="%", state="position"),
    ButtonControl("Stop", sub_topic="stop"),
)
async def door(ctx: DeviceContext) -> None:
    """Move towards the wanted position, one step a second, and say where the door is."""
    position = wanted = 0

    @ctx.on_command
    async def move(command: Command) -> None:
        nonlocal wanted
        wanted = min(100, max(0, int(command.payload)))

    @ctx.on_command("stop")
    async def stop(command: Command) -> None:
        nonlocal wanted
        wanted = position

    while not ctx.shutdown_requested:
        moving = position != wanted
        await ctx.publish_state({"position": position, "moving": moving})
        if moving:
            step = max(-SPEED, min(SPEED, wanted - position))
            position += step
        await ctx.sleep(1.0)


@app.command("lamp")
@controls(SwitchControl("Lamp", state="on"))
async def lamp(payload: str) -> dict[str, object]:
    """Switch the lamp; what is returned is published as its state."""
    return {"on": payload == "ON"}


if __name__ == "__main__":
    app.cli()
