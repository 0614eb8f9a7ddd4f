"""Writes a byte to the lake as the workers do, and removes it."""

from newscrawl import settings
from newscrawl.lake.filesystem import open_lake

told = settings.load()
lake = open_lake(told.require_lake(), told.lake_options)
with lake.write_aside("helm-test", "helm-test") as target:
    target.write(b"1")
if lake.aside_size("helm-test", "helm-test") != 1:
    raise SystemExit(f"{lake.name} does not hold what was written to it")
lake.clear_aside("helm-test")
print(f"{lake.name}: written, read and removed")
