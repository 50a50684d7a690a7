"""Copy the result with the best accuracy.

usage: best.py RESULTS-DIRECTORY TARGET
"""

import json
import sys
from pathlib import Path

results = [json.loads(file.read_text()) for file in sorted(Path(sys.argv[1]).glob("*.json"))]
best = max(results, key=lambda result: result["accuracy"])
Path(sys.argv[2]).write_text(json.dumps(best) + "\n")
