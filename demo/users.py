"""The users of the demonstration, one or two a role. Their password is public: no other installation knows them."""

from __future__ import annotations

from dataclasses import dataclass

from core.ranks import Rank

PASSWORD = "southend-demo"


@dataclass(frozen=True)
class DemoUser:
    """A user of the demonstration. opens: what to look at first in this role."""

    username: str
    role: str
    first_name: str
    last_name: str
    opens: str
    rank: str = ""

    @property
    def rank_label(self) -> str:
        """The rank in words, empty for a user without one."""
        return str(Rank(self.rank).label) if self.rank else ""


USERS = (
    DemoUser("operator", "LFR operator", "Dee", "Marlowe", "Open the console and compare a possible match."),
    DemoUser("officer", "Engagement officer", "Sam", "Ibekwe", "Open the handset: what the operator referred."),
    DemoUser(
        "commander",
        "Commander",
        "Ellis",
        "Brandt",
        "Open live operations: time, cameras, officers, false alerts.",
        Rank.CHIEF_INSPECTOR,
    ),
    DemoUser("admin", "Watchlist administrator", "Asha", "Verrall", "Compile a watchlist and apply for a deployment."),
    DemoUser(
        "authority",
        "Authorising officer",
        "Colin",
        "Thwaite",
        "Decide on watchlists and applications.",
        Rank.SUPERINTENDENT,
    ),
    DemoUser("inspector", "Authorising officer", "Nadia", "Orwell", "Decide on an urgent application.", Rank.INSPECTOR),
    DemoUser(
        "owner",
        "Senior responsible owner",
        "Imogen",
        "Castell",
        "Countersign evidence on fairness and accept risks.",
        Rank.ACC,
    ),
    DemoUser("compliance", "Compliance officer", "Ruth", "Pemberton", "Read records, certificates and the audit log."),
    DemoUser("publisher", "Publisher", "Priya", "Lockwood", "Publish the results of closed deployments."),
    DemoUser("panel", "Oversight panel", "Hester", "Amaro", "Review dossiers that were drawn by chance."),
    DemoUser("sysadmin", "System administrator", "Morgan", "Hale", "Set up cameras, thresholds and notifications."),
)
