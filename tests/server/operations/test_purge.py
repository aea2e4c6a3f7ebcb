"""How long what is kept."""

from central import configuration

from server.operations import retention


def test_what_is_too_old_goes_and_usage_stays(database):
    import time

    from server.devices.models import Device
    from server.journal.models import Entry, Stream
    from server.usage.models import Session

    device = Device.objects.create(id="d", key="k", sealing="s")
    stream = Stream.objects.create(device=device, epoch="e" * 16, acknowledged_seq=2, processed_seq=2, booked_seq=2)
    now = int(time.time() * 1000)
    for seq, days in ((1, 100), (2, 10)):
        Entry.objects.create(stream=stream, seq=seq, boot="b", at=0, came=now - days * 86_400_000, body="{}")
    Session.objects.create(
        device=device, session="s", machine="m", member="x", boot="b", began=0, started=now - 100 * 86_400_000,
        quality="kept", ended=True,
    )  # fmt: skip
    assert retention.purge(configuration) == 1
    assert Entry.objects.get().seq == 2
    assert Session.objects.count() == 1
