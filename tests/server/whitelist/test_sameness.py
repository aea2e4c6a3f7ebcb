"""Trainings and machines that are there twice: one is the other, and it can be taken back."""

from datetime import date

import pytest
from browsing import client, do, fill, row
from everything import every_row

from protocol.rows import Badge, Certification, Level, Machine, Member, Training
from server.whitelist.sameness.resembling import resembling


def put(*rows):
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    return carry_out(Author(name="test"), "demo", rows)


def rows_now():
    from server.edits import rows

    return {each.key: each for each in rows.everything()}


def test_what_is_called_alike_is_found_and_what_is_not_is_not():
    known = {"laser": "Découpe laser", "wood": "Wood", "printer-3d": "Imprimante 3D"}
    assert resembling("decoupe-laser", "Decoupe LASER", known) == "laser"
    assert resembling("laser-cutter", "", known) == "laser"
    assert resembling("imprimante_3d", "", known) == "printer-3d"
    assert resembling("sewing", "Couture", known) == ""
    assert resembling("x", "", {}) == ""


def test_a_training_that_is_another_one_gives_what_it_gave_and_is_taken_back(database):
    from server.edits.authors import Author
    from server.edits.editing import undo
    from server.edits.models import Edit

    fill()
    put(
        Training("laser-2", "Laser (old)"),
        Machine("cutter", "Cutter", ("laser", "laser-2")),
        Machine("old", "", ("laser-2",)),
        Certification("m001", "laser-2", Level.TRAINER, until=date(2030, 1, 1)),
        Certification("m002", "laser-2"),
    )
    before = rows_now()
    browser = client("fabmanager")
    do(browser, "/setup", do="same", what="training", gone="laser-2", kept="laser", at="trainings")
    assert row("training/laser-2") is None
    assert row("certification/m001/laser") == Certification("m001", "laser", Level.TRAINER)
    assert row("certification/m002/laser") == Certification("m002", "laser")
    assert row("machine/cutter").requires == ("laser",)
    assert row("machine/old").requires == ("laser",)
    undo(Author(name="test"), Edit.objects.get(what="training_same"))
    assert rows_now() == before


def test_a_condition_is_no_training_that_another_one_may_be(sqlite):
    from server.edits.authors import Author
    from server.edits.editing import EditError
    from server.whitelist.models import Condition
    from server.whitelist.sameness import trainings

    fill()
    Condition.objects.create(training="wood", what="insurance")
    for gone, kept in (("wood", "laser"), ("laser", "wood"), ("laser", "laser"), ("laser", "none")):
        with pytest.raises(EditError):
            trainings.merge(Author(name="test"), gone, kept)


def test_what_a_controller_proposes_is_taken_over_under_the_name_that_a_training_has_here(sqlite):
    from protocol.rows import encode_row
    from server.devices.models import Device, Proposal

    fill()
    device = Device.objects.create(id="d-1", name="Pi", key="k" * 43, sealing="s")
    for each in (Training("laser-cutter", "Laser"), Member("zoe", "Zoé"), Certification("zoe", "laser-cutter"),
                 Certification("m001", "laser-cutter", Level.TRAINER), Badge("f" * 32, "zoe"),
                 Machine("cutter", "Cutter", ("laser-cutter",))):  # fmt: skip
        Proposal.objects.create(device=device, key=each.key, row=encode_row(each).decode())
    browser = client("fabmanager")
    page = browser.get("/import", secure=True).content.decode()
    assert '<option value="laser-cutter/laser">' in page, "is it the same?"
    do(browser, "/proposals", do="take", device="d-1", all="1", same=["laser-cutter/laser", "x/"])
    assert row("training/laser-cutter") is None
    assert row("certification/zoe/laser") == Certification("zoe", "laser")
    assert row("certification/m001/laser").level is Level.USER, "what is here was made over a later list: the stricter"
    assert row("machine/cutter").requires == ("laser",)
    assert not Proposal.objects.exists()


def test_a_machine_that_a_controller_brings_anew_goes_on_as_what_it_was(database):
    from server.devices.models import Device
    from server.edits.models import Edit
    from server.usage.models import Session
    from server.whitelist import models

    fill()
    device = Device.objects.create(id="d-1", name="Pi", key="k" * 43, sealing="s")
    gone = Device.objects.create(id="d-0", name="Old", key="j" * 43, sealing="s", retired=True)
    put(Machine("laser", "The laser", ("laser",), "mirror", longest=600, buddy=True), Machine("laser-1", "Laser"))
    models.Machine.objects.filter(pk="laser-1").update(device=device)
    for number, machine in enumerate(("laser", "laser-1", "saw")):
        Session.objects.create(
            device=gone if machine == "laser" else device, session=f"s{number}", machine=machine, member="m001",
            said="m001", boot="b", began=0, started=1_795_000_000_000, quality="kept", ended=True, powered=60_000,
        )  # fmt: skip
    before = every_row()
    browser = client("fabmanager")
    assert "it goes on" in browser.get("/setup", secure=True).content.decode()
    do(browser, "/setup", do="same", what="machine", gone="laser", kept="laser-1", at="machines")
    assert row("machine/laser-1") == Machine("laser-1", "The laser", ("laser",), "mirror", longest=600, buddy=True)
    assert models.Machine.objects.get(pk="laser").retired
    page = browser.get("/usage?month=2026-11&machine=laser", secure=True).content.decode()
    assert "2\u00a0min" in page, "its usage is one"
    from server.usage.counters import counters_of

    assert counters_of(device)["laser-1"].powered == 60_000, "its hours go on"
    do(browser, f"/history/{Edit.objects.get(what='machine_same').pk}/undo")
    assert every_row()["whitelist.Machine"] == before["whitelist.Machine"]
