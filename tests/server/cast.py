"""The fixed cast: a workshop, its neighbour under the same operator, and a stranger's; who works in each."""

from browsing import client

HOME, NEIGHBOUR, STRANGER = "main", "next-door", "far-away"
SITES = (HOME, NEIGHBOUR, STRANGER)


def stage():
    """Three workshops, each with a controller, a machine, a member and a session there."""
    from protocol.rows import Badge, Certification, Machine, Member, Training
    from server.devices.models import Device
    from server.edits.authors import Author
    from server.edits.editing import carry_out
    from server.sites.models import Operator, Site
    from server.usage.models import Circumstance, Session
    from server.whitelist.models import Machine as MachineModel

    Operator.objects.create(id="others", name="The others")
    Site.objects.create(id=NEIGHBOUR, name="Next door", zone="Europe/Paris")
    Site.objects.create(id=STRANGER, name="Far away", zone="America/Montreal", operator_id="others", currency="CAD")
    for number, site in enumerate(SITES):
        device = Device.objects.create(
            id=f"d-{site}", name=f"at {site}", key=f"{number}" * 43, sealing="s", site_id=site
        )
        rows = [Training(f"t-{site}", f"course {site}"), Machine(f"m-{site}", f"machine {site}", (f"t-{site}",))]
        rows += [Member(f"p-{site}", f"Person {site}"), Badge(f"{number:032x}", f"p-{site}")]
        carry_out(Author(name="test"), "demo", [*rows, Certification(f"p-{site}", f"t-{site}")])
        MachineModel.objects.filter(pk=f"m-{site}").update(device=device)
        Session.objects.create(
            device=device, session=f"s-{site}", machine=f"m-{site}", member=f"p-{site}", said=f"p-{site}",
            boot="b", began=0, started=1_795_000_000_000, quality="kept", ended=True, powered=60_000, site=site,
        )  # fmt: skip
        Circumstance.objects.create(device=device, session=f"s-{site}", site=site)


def keeper(site=None):
    """A fabmanager's browser: of one workshop, or of all."""
    browser = client("fabmanager", site or "everywhere")
    from server.accounts.models import Account

    Account.objects.filter(username=f"fabmanager-{site or 'everywhere'}").update(site_id=site, member="")
    return browser
