"""What the stories of the whole do: lay a badge down, and look at what the machine does."""

from commands import told

from simulator.stage import until

MARIE, JEAN, LAURE, PAUL = "04A3C6CAE26180", "04A3C6112233FF", "C0FFEE42", "0102030405060708090A"


def journal(stage, *kinds):
    return [line for line in told(stage, "journal") if not kinds or line["kind"] in kinds]


def lay_and_wait(stage, machine="laser", uid=MARIE):
    stage.lay(machine, uid)
    until(lambda: stage.closed(machine), f"{machine} closes")


def opens(stage, machine="laser"):
    until(lambda: not stage.closed(machine), f"{machine} opens")


def idle(stage, machine="laser"):
    until(lambda: stage.state(machine)["state"] == "idle", f"{machine} is idle")
