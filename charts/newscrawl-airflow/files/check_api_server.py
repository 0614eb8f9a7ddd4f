"""Asks the API server for its own health and that of the scheduler, the triggerer and the DAG processor."""

import json
import os
import urllib.request

with urllib.request.urlopen(f"{os.environ['API_SERVER']}/api/v2/monitor/health", timeout=30) as answer:
    parts = json.load(answer)
ill = {name: part["status"] for name, part in parts.items() if part["status"] != "healthy"}
print(json.dumps(parts, indent=1))
raise SystemExit(f"not healthy: {ill}" if ill else 0)
