"""A disk that is full while a service logs: what cannot be written is counted, no half line stays, and all that was written is read."""

from __future__ import annotations

import json
import subprocess
import sys

from nbprod.monitoring.feedback import labelled
from nbprod.monitoring.log import PredictionLog

WRITER = """
import json, resource, sys
from pathlib import Path
from nbprod.promotion.inside.predictions import PredictionLog

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

counted, refused = [], []
log = PredictionLog(Path(sys.argv[1]), 1, on_drop=counted.append)
for turn in range(6):
    limit(1000 if turn < 4 else resource.RLIM_INFINITY)  # as a full disk: a write takes what fits, or nothing
    for number in range(3):
        log.add((1.0 + turn, f"{turn}-{number}", "predict", 200, b'{"rows":[{"a":1}]}', b"[0]", 1.5))
    log._write()
    try:
        log.write_now("feedback", {"id": f"{turn}-0", "label": "x" * 300})
    except OSError as error:
        refused.append(turn)
limit(resource.RLIM_INFINITY)
log.start()
log.close()
print(json.dumps([sum(counted), refused]))
"""


def test_no_half_line_stays_and_all_that_was_lost_is_counted(tmp_path):
    done = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    lost, refused = json.loads(done.stdout)
    log = PredictionLog(tmp_path)

    lines = list(log.lines())

    assert 0 < lost < 18
    assert len(lines) == 18 - lost
    assert (log.losses.broken, log.losses.dropped) == (0, lost)
    assert refused
    assert "No space left" in done.stderr or "File too large" in done.stderr
    kept = labelled(PredictionLog(tmp_path))
    answered = {line["id"] for line in lines}
    assert [name for name, _ in kept.keys] == [
        f"{turn}-0" for turn in range(6) if turn not in refused and f"{turn}-0" in answered
    ]
    assert len(kept) > 0
