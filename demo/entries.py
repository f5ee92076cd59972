"""The invented people of the demonstration, as entries of a watchlist."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watchlists.choices import Category, DataSubject, LegalBasis, Marker, Seriousness, Tier


@dataclass(frozen=True)
class NewEntry:
    """A watchlist entry to add, and the file of its photograph."""

    reference: str
    name: str
    category: str
    offence: str
    photograph: Path
    seriousness: str = Seriousness.GRAVE
    data_subject: str = DataSubject.SUSPECT
    legal_basis: str = LegalBasis.WARRANT
    authority: str = ""
    tier: str = Tier.AMBER
    expected_action: str = "Establish identity, then arrest"
    markers: tuple[str, ...] = ()
    born: dt.date = dt.date(1990, 1, 1)

    @property
    def particulars(self) -> dict[str, Any]:
        """The particulars as `people.add_person` takes them."""
        return {
            "reference": self.reference,
            "name": self.name,
            "category": self.category,
            "offence": self.offence,
            "seriousness": self.seriousness,
            "data_subject": self.data_subject,
            "legal_basis": self.legal_basis,
            "authority": self.authority,
            "tier": self.tier,
            "expected_action": self.expected_action,
            "markers": list(self.markers),
            "date_of_birth": self.born,
        }


@dataclass(frozen=True)
class Invented:
    """The particulars of an invented person."""

    name: str
    category: str
    offence: str
    seriousness: str
    data_subject: str
    legal_basis: str
    authority: str
    tier: str
    expected_action: str
    markers: tuple[str, ...]
    born: dt.date


# Invented. The photographs are of people who gave them for research and have done nothing wrong.
INVENTED = (
    Invented(
        "Alex Fenwick",
        Category.WANTED,
        "Robbery; failed to appear",
        Seriousness.SERIOUS,
        DataSubject.SUSPECT,
        LegalBasis.WARRANT,
        "No. 23/1184, Basildon Crown Court, 4 September",
        Tier.AMBER,
        "Establish identity, then arrest on the warrant",
        (Marker.ESCAPER,),
        dt.date(1994, 3, 9),
    ),
    Invented(
        "Jordan Pell",
        Category.SUSPECT,
        "Rape; circulated for arrest on suspicion",
        Seriousness.GRAVE,
        DataSubject.SUSPECT,
        LegalBasis.ARREST,
        "Crime report 42/8831",
        Tier.RED,
        "Do not engage alone; arrest on suspicion",
        (Marker.VIOLENT, Marker.WEAPONS),
        dt.date(1988, 11, 21),
    ),
    Invented(
        "Casey Drummond",
        Category.WANTED,
        "Recalled to prison",
        Seriousness.SERIOUS,
        DataSubject.CONVICTED,
        LegalBasis.RECALL,
        "Licence revoked 12 October",
        Tier.AMBER,
        "Establish identity, then arrest",
        (),
        dt.date(1979, 6, 2),
    ),
    Invented(
        "Robin Ashdown",
        Category.RESTRICTED,
        "Breach of a sexual harm prevention order",
        Seriousness.GRAVE,
        DataSubject.CONVICTED,
        LegalBasis.ORDER,
        "Order of Southend Magistrates' Court, 2022",
        Tier.AMBER,
        "Establish identity, then arrest for the breach",
        (),
        dt.date(1971, 1, 30),
    ),
    Invented(
        "Taylor Quill",
        Category.MISSING,
        "Missing from hospital since Monday, at high risk",
        Seriousness.NONE,
        DataSubject.NONE,
        LegalBasis.LIFE,
        "Missing person report 311",
        Tier.RED,
        "Speak to them, keep them safe, call the ward",
        (Marker.VULNERABLE, Marker.SELF_HARM),
        dt.date(2001, 8, 14),
    ),
    Invented(
        "Sidney Marlow",
        Category.SUSPECT,
        "Grievous bodily harm; circulated for arrest",
        Seriousness.GRAVE,
        DataSubject.SUSPECT,
        LegalBasis.ARREST,
        "Crime report 42/9107",
        Tier.AMBER,
        "Establish identity, then arrest on suspicion",
        (Marker.VIOLENT,),
        dt.date(1997, 4, 17),
    ),
)
