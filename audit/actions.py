"""The closed list of what can stand in the journal, each under its verb of section 62, Data Protection Act 2018."""

from __future__ import annotations

from django.db import models


class Verb(models.TextChoices):
    """The six kinds of processing that section 62 asks a log of."""

    COLLECTION = "collection"
    ALTERATION = "alteration"
    CONSULTATION = "consultation"
    DISCLOSURE = "disclosure"
    COMBINATION = "combination"
    ERASURE = "erasure"


class Action(models.TextChoices):
    """What happened. Values are kept for ever: never reuse one for something else."""

    USER_ADDED = "user.added", "User added"
    TOKEN_ISSUED = "user.token_issued", "Token of a service account issued"
    SIGNED_IN = "user.signed_in", "Signed in"
    SIGNED_OUT = "user.signed_out", "Signed out"
    SIGN_IN_FAILED = "user.sign_in_failed", "Sign-in failed"
    ENGINE_REGISTERED = "engine.registered", "Recognition engine registered"
    CALIBRATION_ADDED = "engine.calibrated", "Recognition engine calibrated"
    PHOTOGRAPHS_READ_AGAIN = "engine.photographs_read_again", "Photographs read by another engine"
    OPERATING_POINT_SET = "engine.operating_point_set", "Threshold of the engine set"
    PERSON_ADDED = "person.added", "Person added"
    PERSON_CHANGED = "person.changed", "Particulars of a person changed"
    PERSON_MERGED = "person.merged", "Two entries made one"
    PERSON_DESTROYED = "person.destroyed", "Person destroyed"
    PERSON_VIEWED = "person.viewed", "Person viewed"
    PHOTOGRAPH_ADDED = "photograph.added", "Photograph added"
    PHOTOGRAPH_DESTROYED = "photograph.destroyed", "Photograph destroyed"
    FLAG_ACCEPTED = "person.flag_accepted", "Flag on a person accepted"
    FLAGS_ACCEPTED = "watchlist.flags_accepted", "Flags on photographs of a watchlist accepted"
    PEOPLE_CURRENT = "watchlist.people_current", "People said to be still sought"
    HOLD_PLACED = "person.hold_placed", "Person held as evidence"
    HOLD_RELEASED = "person.hold_released", "Hold of a person released"
    WATCHLIST_CREATED = "watchlist.created", "Watchlist created"
    WATCHLIST_VERSION = "watchlist.version", "New version of a watchlist drawn up"
    # Until lists owned their people.
    WATCHLIST_ENTRY_ADDED = "watchlist.entry_added", "Person put on watchlist"
    WATCHLIST_ENTRY_REMOVED = "watchlist.entry_removed", "Person taken off watchlist"
    IMPORT_BEGUN = "import.begun", "Import handed in"
    IMPORT_READ = "import.read", "Import read"
    IMPORT_CONFIRMED = "import.confirmed", "Import confirmed"
    IMPORT_DONE = "import.done", "Import finished"
    IMPORT_CANCELLED = "import.cancelled", "Import given up"
    IMPORT_EXPORTED = "import.exported", "Report of an import downloaded"
    WATCHLIST_VIEWED = "watchlist.viewed", "Watchlist viewed"
    WATCHLIST_COMPILED = "watchlist.compiled", "Watchlist compiled"
    WATCHLIST_CHECKED = "watchlist.checked", "Watchlist checked and submitted"
    WATCHLIST_WITHDRAWN = "watchlist.withdrawn", "Watchlist taken back"
    WATCHLIST_RETURNED = "watchlist.returned", "Watchlist returned"
    WATCHLIST_REJECTED = "watchlist.rejected", "Watchlist rejected"
    WATCHLIST_DISCARDED = "watchlist.discarded", "Draft of a watchlist given up"
    WATCHLIST_AUTHORISED = "watchlist.authorised", "Watchlist approved"
    WATCHLIST_SEALED = "watchlist.sealed", "Watchlist sealed"
    WATCHLIST_SUPERSEDED = "watchlist.superseded", "Watchlist superseded by a new version"
    WATCHLIST_LIVE = "watchlist.live", "Watchlist went live"
    WATCHLIST_EXPIRED = "watchlist.expired", "Watchlist expired unused"
    WATCHLIST_CLOSED = "watchlist.closed", "Watchlist closed"
    WATCHLIST_DESTROYED = "watchlist.destroyed", "Watchlist destroyed"
    DATABASE_SCRUBBED = "watchlist.scrubbed", "Remains of a watchlist scrubbed from the database"
    KEYS_ROTATED = "watchlist.keys_rotated", "Photographs encrypted with a new key"
    LEDGER_SEARCHED = "ledger.searched", "Ledger of past lists searched"
    DEPLOYMENT_CREATED = "deployment.created", "Deployment drafted"
    DEPLOYMENT_SUBMITTED = "deployment.submitted", "Deployment submitted for authority"
    DEPLOYMENT_AUTHORISED = "deployment.authorised", "Deployment authorised"
    DEPLOYMENT_REFUSED = "deployment.refused", "Deployment refused"
    DEPLOYMENT_LIVE = "deployment.live", "Deployment went live"
    DEPLOYMENT_LAPSED = "deployment.lapsed", "Deployment lapsed"
    DEPLOYMENT_ENDED = "deployment.ended", "Deployment ended"
    CAMERA_ADDED = "camera.added", "Camera added"
    CAMERA_TOKEN_ISSUED = "camera.token_issued", "Camera token issued"
    CAMERA_CONNECTED = "camera.connected", "Camera connected"
    CAMERA_DISCONNECTED = "camera.disconnected", "Camera disconnected"
    ALERT_RAISED = "alert.raised", "Possible match raised"
    ALERT_VIEWED = "alert.viewed", "Possible match viewed"
    ALERT_DECIDED = "alert.decided", "Possible match decided"
    ALERT_OUTCOME = "alert.outcome", "Outcome recorded"
    ALERT_PURGED = "alert.purged", "Possible match purged"
    JOURNAL_EXPORTED = "journal.exported", "Journal downloaded"
    RECORD_EXPORTED = "record.exported", "Deployment record downloaded"

    @property
    def verb(self) -> Verb:
        """The section 62 verb this action counts under."""
        return _VERBS.get(self, Verb.ALTERATION)


_VERBS = {
    Action.PERSON_ADDED: Verb.COLLECTION,
    Action.PHOTOGRAPH_ADDED: Verb.COLLECTION,
    Action.IMPORT_BEGUN: Verb.COLLECTION,
    Action.WATCHLIST_VIEWED: Verb.CONSULTATION,
    Action.PERSON_VIEWED: Verb.CONSULTATION,
    Action.LEDGER_SEARCHED: Verb.CONSULTATION,
    Action.WATCHLIST_VERSION: Verb.COMBINATION,
    Action.PERSON_MERGED: Verb.COMBINATION,
    Action.CAMERA_CONNECTED: Verb.COLLECTION,
    Action.ALERT_RAISED: Verb.COMBINATION,
    Action.ALERT_VIEWED: Verb.CONSULTATION,
    Action.SIGNED_IN: Verb.CONSULTATION,
    Action.IMPORT_EXPORTED: Verb.DISCLOSURE,
    Action.JOURNAL_EXPORTED: Verb.DISCLOSURE,
    Action.RECORD_EXPORTED: Verb.DISCLOSURE,
    Action.PERSON_DESTROYED: Verb.ERASURE,
    Action.PHOTOGRAPH_DESTROYED: Verb.ERASURE,
    Action.IMPORT_CANCELLED: Verb.ERASURE,
    Action.WATCHLIST_DESTROYED: Verb.ERASURE,
    Action.DATABASE_SCRUBBED: Verb.ERASURE,
    Action.ALERT_PURGED: Verb.ERASURE,
}
