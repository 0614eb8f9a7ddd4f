"""Asks a URL of the release; anything but an answer in the two hundreds is a failure."""

import os
import urllib.request

with urllib.request.urlopen(os.environ["URL"], timeout=30) as answer:
    print(answer.status, answer.read(2000).decode())
