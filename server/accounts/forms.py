"""What is said of accounts."""

from __future__ import annotations

from common.texts import N_
from server.core.forms import ActionField, AddressField, CodeField, Form, LineField, PathField, SecretField


class NameField(SecretField):
    """An account's name as it is typed at the door: compared, and never kept."""

    most = 150


class InvitationForm(Form):
    """How somebody who was invited means to log in: a password, or what a provider says; perhaps another name."""

    do = ActionField("password", "provider")
    username = LineField(N_("Name"), 150)
    password = SecretField()


class FirstAccountForm(Form):
    """The account of whoever started the server; its password is Django's to judge."""

    username = LineField(N_("Name"), 150)
    password = SecretField()


class NextForm(Form):
    """Where somebody wanted to go before they were asked who they are."""

    next = PathField()


class LanguageForm(Form):
    """Which language the pages are to speak."""

    language = LineField()


class ThemeForm(Form):
    """Whether the pages are to be light or dark."""

    theme = LineField()


class LoginForm(Form):
    """Who somebody says that they are."""

    username = NameField()
    password = SecretField()


class SecondForm(Form):
    """A code of the second factor."""

    token = CodeField()


class OwnForm(Form):
    """What changes one's own account: the password there is, the new one, a code of the second factor, an address."""

    do = ActionField("password", "begin", "confirm", "end", "link", "unlink", "address")
    old = SecretField()
    new = SecretField()
    token = CodeField()
    email = AddressField(N_("E-mail"))
