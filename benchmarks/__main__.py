"""Run one benchmark: ``python -m benchmarks NAME``."""

import asyncio
import sys

from .runner import main

sys.exit(asyncio.run(main(sys.argv[1:])))
