"""Usage as a sheet."""

import csv
import html
import io
import re
from urllib.parse import urljoin

from browsing import client


def test_a_sheet_of_usage_runs_no_formula(sqlite):
    from server.devices.models import Device
    from server.usage.models import Session

    device = Device.objects.create(id="d-1", key="k", sealing="s")
    ran = {"started": 1_795_200_000_000, "quality": "synchronised", "ended": True, "powered": 90_000}
    Session.objects.create(device=device, session="s1", machine="laser", member="=cmd()", boot="b", began=0, **ran)
    sheet = b"".join(client().get("/usage?month=2026-11&as=csv", secure=True).streaming_content).decode("utf-8-sig")
    (line,) = list(csv.reader(io.StringIO(sheet)))[1:]
    assert line[3] == "'=cmd()" and line[11] == "1.5"


def test_a_month_of_many_sessions_is_shown_page_by_page_and_none_is_left_out(sqlite):
    from server.devices.models import Device
    from server.usage.models import Session

    device = Device.objects.create(id="d", key="k" * 43, sealing="s")
    start = 1_795_000_000_000
    for number in range(230):
        Session.objects.create(
            device=device, session=f"s{number}", machine="m", member="x", boot="b", began=0, started=start + number,
            quality="kept", ended=True,
        )  # fmt: skip
    browser = client("fabmanager", "ann")
    for path in ("/usage/sessions?span=month&at=2026-11-01&machine=m", "/usage/sessions?member=x"):
        seen, asked = [], path
        while asked:
            text = html.unescape(browser.get(asked, secure=True).content.decode())
            seen += re.findall(r'href="/usage/(\d+)"', text)
            further = re.search(r'rel="next" href="([^"#]+)', text)
            asked = further and urljoin(asked, further[1])
        assert len(seen) == len(set(seen)) == 230
    for wrong in ("0", "99", "x", "-1", "1~2~3", f"{10**30}~1", "~", "1~"):
        assert browser.get(f"/usage/sessions?span=month&sessions-from={wrong}", secure=True).status_code == 200
