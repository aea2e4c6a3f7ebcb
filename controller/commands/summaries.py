"""One line a command for `loquet --help`, so that help imports no command: each is its command's first sentence."""

from __future__ import annotations

from typing import Final

from common.texts import N_

SUMMARIES: Final = {
    "card": N_(
        "Print the card of a machine, a web page to hang beside it: how to begin and to stop, what light and "
        "sounds mean, what to do when refused."
    ),
    "check": N_("Check settings and hardware, part by part; exit status 1 where something is wrong."),
    "clock": N_("Show what the controller knows of the time."),
    "completion": N_("Print what makes a shell complete `loquet` commands and options."),
    "correct": N_("Correct a session: a tap-out that was forgotten, a purpose, a group's head count."),
    "demo": N_(
        "Play with Loquet without any hardware: a page in your browser, with two machines, badges to lay on "
        "their readers, and all that goes wrong in real workshops."
    ),
    "enrol": N_("Enrol this controller with a server."),
    "journal": N_("Show the journal: every session, refusal, fault and change, in the order in which they happened."),
    "machine": N_("List the machines and their hours; lock or unlock one, clear its fault, end its session."),
    "member": N_("See to people and their badges: name, lend, block, merge, forget."),
    "pin": N_("Give members a PIN: what they type beside the badge, where a machine's settings say pin = true."),
    "read": N_("Show the number of each badge that is laid on a reader, until Ctrl-C."),
    "run": N_("Run the controller in the foreground, until Ctrl-C or SIGTERM; both open every relay."),
    "server": N_("The central server: the fabmanager's pages, and the other end of every controller's line."),
    "sessions": N_(
        "Show the sessions: machine, member, when, for how long the output was closed, and for how long the "
        "machine worked, where that is sensed."
    ),
    "setup": N_("Set a controller up: answer a few questions, get a commented settings file, try each part."),
    "status": N_("Show every machine, and whether storage, guard and clock are well."),
    "stick": N_("Carry usage to the server and its list back, where there is no line."),
    "stop": N_("Stop the controller once no session is open, as an update does; systemd does not start it again."),
    "whitelist": N_("Say who may use which machine: import a list, grant, revoke, require, explain."),
}
