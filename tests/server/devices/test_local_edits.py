"""What is edited at a machine, and what the server makes of it."""

from browsing import client, do, fill, row

from protocol.entries import Edited
from protocol.rows import Certification


def given_at(device, *rows):
    from server.core import state
    from server.devices import local_edits

    edited = Edited(
        version=1, put=len(rows), dropped=0, by="m000", rows=rows, machine="laser",
        base=int(state.get(state.VERSION)), generation=int(state.get(state.GENERATION)),
    )  # fmt: skip
    local_edits.take_over(device, "epoch", given_at.seq, edited)
    given_at.seq += 1


given_at.seq = 1


def test_a_trainer_at_a_reader_lets_in_by_a_training_and_by_no_condition(sqlite):
    from server.core import state
    from server.devices.models import Device
    from server.inbox.models import Notice
    from server.whitelist.models import Condition, Machine

    fill()
    state.put(state.GENERATION, "7")
    device = Device.objects.create(id="pi", name="Pi")
    Machine.objects.filter(pk="laser").update(device=device)
    browser = client()
    do(browser, "/setup", do="condition", what="insurance")
    (made,) = Condition.objects.values_list("pk", flat=True)
    do(browser, "/setup", do="machine", id="laser", name="Laser", requires=["laser", made])
    version = int(state.get(state.VERSION))
    given_at(device, Certification("m003", made))
    assert row(f"certification/m003/{made}") is None
    assert int(state.get(state.VERSION)) > version, "the controller hears that its edit does not stand"
    assert not Notice.objects.filter(what="edited").exists()
    given_at(device, Certification("m003", made), Certification("m003", "laser"))
    assert row(f"certification/m003/{made}") is None
    assert row("certification/m003/laser") is not None
    assert Notice.objects.filter(what="edited").count() == 1


def test_of_two_controllers_no_two_have_one_name(sqlite):
    from server.devices.enrolment import _unlike_others
    from server.devices.models import Device

    first = Device.objects.create(id="a", name="Cabinet", key="a" * 43)
    assert _unlike_others("Cabinet", None) == "Cabinet (2)"
    Device.objects.create(id="b", name="Cabinet (2)", key="b" * 43)
    assert _unlike_others("Cabinet", None) == "Cabinet (3)"
    assert _unlike_others("Cabinet", first) == "Cabinet", "it takes its place"
    assert _unlike_others("", None) == ""
