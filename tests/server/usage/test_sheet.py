"""Usage as a sheet."""

import csv
import io

from browsing import client


def test_a_sheet_of_usage_runs_no_formula(sqlite):
    from server.devices.models import Device
    from server.usage.models import Session

    device = Device.objects.create(id="d-1", key="k", sealing="s")
    ran = {"started": 1_795_200_000_000, "quality": "synchronised", "ended": True, "powered": 90_000}
    Session.objects.create(device=device, session="s1", machine="laser", member="=cmd()", boot="b", began=0, **ran)
    sheet = b"".join(client().get("/usage?month=2026-11&as=csv", secure=True).streaming_content).decode("utf-8-sig")
    (line,) = list(csv.reader(io.StringIO(sheet)))[1:]
    assert line[2] == "'=cmd()" and line[10] == "1.5"
