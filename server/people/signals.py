"""What other apps are asked and told about members."""

from __future__ import annotations

from typing import Final

from django.dispatch import Signal

# members: ids; answer under which of them something is kept.
ids_asked: Final = Signal()

# members: ids; answer which of them were those of somebody who was forgotten.
forgotten_asked: Final = Signal()

# member: an id; keys: those of the rows that went; email: where letters went, "" for nowhere. Sent in the transaction
# in which the member is forgotten.
member_forgotten: Final = Signal()

# author: who says it; members: the ids of whose particulars are others now. Sent in the transaction that keeps them.
particulars_changed: Final = Signal()

# members: ids that are another member's now, or their own again (`merging.aliases.resolve`). Sent in the transaction
# that merges or separates them.
members_moved: Final = Signal()

# members: ids, of one site or of all (site: None); answer what each used, by id: `usage.Used`.
usage_asked: Final = Signal()
