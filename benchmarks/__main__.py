"""Run one benchmark: ``python -m benchmarks NAME``."""

import asyncio
import sys

from .runner import MeteredLoop, main

sys.exit(asyncio.run(main(sys.argv[1:]), loop_factory=MeteredLoop))
