"""What a machine asks for is what there is."""

from browsing import client, do, fill, row


def test_a_page_from_before_cannot_have_a_machine_ask_for_a_training_that_is_retired(database):
    from server.whitelist.models import Training

    fill()
    browser = client()
    Training.objects.filter(pk="wood").update(retired=True)
    do(browser, "/setup", do="machine", id="laser", name="Laser 1", requires=["laser", "wood"])
    assert row("machine/laser").trainings == ("laser",)
    do(browser, "/setup", do="machine", id="saw", name="Saw 2", requires=["wood"])
    assert row("machine/saw").name == "Saw 2", "a machine that asks for it already goes on"
