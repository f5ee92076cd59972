"""The closed list of audit actions, each with its verb, for section 62 of the Data Protection Act 2018."""

from __future__ import annotations

from django.db import models


class Verb(models.TextChoices):
    """The six kinds of processing of personal data that section 62 requires to be logged, and two outside it.

    ACCESS: who may get in, and who did or tried. DECISION: decisions and settings that change nobody's personal data.
    """

    COLLECTION = "collection"
    ALTERATION = "alteration"
    CONSULTATION = "consultation"
    DISCLOSURE = "disclosure"
    COMBINATION = "combination"
    ERASURE = "erasure"
    ACCESS = "access", "Access (outside section 62)"
    DECISION = "decision", "Decision (outside section 62)"


class Action(models.TextChoices):
    """The actions that the audit log records. Values are stored permanently: never reuse one for another meaning."""

    USER_ADDED = "user.added", "User added"
    ROLE_GIVEN = "user.role_given", "Role given to a user"
    ROLE_REMOVED = "user.role_removed", "Role removed from a user"
    TOKEN_ISSUED = "user.token_issued", "Service account token issued"
    SIGNED_IN = "user.signed_in", "Signed in"
    SIGNED_OUT = "user.signed_out", "Signed out"
    SIGN_IN_FAILED = "user.sign_in_failed", "Sign-in failed"
    SIGN_IN_REFUSED = "user.sign_in_refused", "Sign-in refused: too many attempts from one address"
    ENGINE_REGISTERED = "engine.registered", "Recognition engine registered"
    CALIBRATION_ADDED = "engine.calibrated", "Recognition engine calibrated"
    PHOTOGRAPHS_READ_AGAIN = "engine.photographs_read_again", "Photographs re-enrolled with another engine"
    OPERATING_POINT_SET = "engine.operating_point_set", "Operating point of the engine set"
    PERSON_ADDED = "person.added", "Watchlist entry added"
    PERSON_CHANGED = "person.changed", "Details of a watchlist entry changed"
    PERSON_MERGED = "person.merged", "Watchlist entries merged"
    PERSON_DESTROYED = "person.destroyed", "Watchlist entry destroyed"
    PERSON_VIEWED = "person.viewed", "Watchlist entry viewed"
    PHOTOGRAPH_ADDED = "photograph.added", "Photograph added"
    PHOTOGRAPH_DESTROYED = "photograph.destroyed", "Photograph destroyed"
    PHOTOGRAPH_CONFIRMED = "photograph.confirmed", "Photograph confirmed to be of the person"
    FLAG_ACCEPTED = "person.flag_accepted", "Flag on a watchlist entry accepted"
    FLAGS_ACCEPTED = "watchlist.flags_accepted", "Flags of one kind on a watchlist accepted"
    PEOPLE_CURRENT = "watchlist.people_current", "Subjects confirmed as still sought"
    HOLD_PLACED = "person.hold_placed", "Evidence hold placed on a watchlist entry"
    HOLD_RELEASED = "person.hold_released", "Evidence hold on a watchlist entry released"
    WATCHLIST_CREATED = "watchlist.created", "Watchlist created"
    WATCHLIST_VERSION = "watchlist.version", "New version of a watchlist created"
    # No longer recorded, because each watchlist entry now belongs to one list.
    WATCHLIST_ENTRY_ADDED = "watchlist.entry_added", "Subject added to a watchlist"
    WATCHLIST_ENTRY_REMOVED = "watchlist.entry_removed", "Subject removed from a watchlist"
    IMPORT_BEGUN = "import.begun", "Import uploaded"
    IMPORT_READ = "import.read", "Import read"
    IMPORT_CONFIRMED = "import.confirmed", "Import confirmed"
    IMPORT_DONE = "import.done", "Import finished"
    IMPORT_CANCELLED = "import.cancelled", "Import cancelled"
    IMPORT_EXPORTED = "import.exported", "Import report downloaded"
    WATCHLIST_VIEWED = "watchlist.viewed", "Watchlist viewed"
    WATCHLIST_COMPILED = "watchlist.compiled", "Watchlist compiled"
    WATCHLIST_CHECKED = "watchlist.checked", "Watchlist checked and submitted"
    WATCHLIST_WITHDRAWN = "watchlist.withdrawn", "Watchlist withdrawn"
    WATCHLIST_RETURNED = "watchlist.returned", "Watchlist returned"
    WATCHLIST_REJECTED = "watchlist.rejected", "Watchlist rejected"
    WATCHLIST_DISCARDED = "watchlist.discarded", "Draft watchlist discarded"
    WATCHLIST_AUTHORISED = "watchlist.authorised", "Watchlist approved"
    CHILD_ACCEPTED = "person.child_accepted", "Person under 18 accepted on a watchlist"
    WATCHLIST_CONFIRMED = "watchlist.confirmed", "Urgent approval of a watchlist confirmed"
    WATCHLIST_SEALED = "watchlist.sealed", "Watchlist sealed"
    WATCHLIST_SUPERSEDED = "watchlist.superseded", "Watchlist superseded by a new version"
    WATCHLIST_LIVE = "watchlist.live", "Watchlist went live"
    WATCHLIST_EXPIRED = "watchlist.expired", "Watchlist expired unused"
    WATCHLIST_CLOSED = "watchlist.closed", "Watchlist closed"
    WATCHLIST_DESTROYED = "watchlist.destroyed", "Watchlist destroyed"
    DATABASE_SCRUBBED = "watchlist.scrubbed", "Database remains of a watchlist scrubbed"
    KEYS_ROTATED = "watchlist.keys_rotated", "Photographs encrypted with a new key"
    LEDGER_SEARCHED = "ledger.searched", "Ledger searched"
    EVIDENCE_RECORDED = "evidence.recorded", "Evidence on the engine's fairness recorded"
    EVIDENCE_COUNTERSIGNED = "evidence.countersigned", "Evidence on the engine's fairness countersigned"
    EVIDENCE_WITHDRAWN = "evidence.withdrawn", "Evidence on the engine's fairness withdrawn"
    THRESHOLD_PROPOSED = "threshold.proposed", "Threshold proposed"
    THRESHOLD_APPROVED = "threshold.approved", "Threshold approved"
    THRESHOLD_REJECTED = "threshold.rejected", "Threshold rejected"
    TRAINING_RECORDED = "training.recorded", "Training recorded"
    TRAINING_WITHDRAWN = "training.withdrawn", "Training withdrawn"
    GOVERNING_RECORDED = "governing.recorded", "Governing document recorded"
    GOVERNING_APPROVED = "governing.approved", "Governing document approved"
    GOVERNING_WITHDRAWN = "governing.withdrawn", "Governing document withdrawn"
    DEPLOYMENT_CREATED = "deployment.created", "Deployment drafted"
    DEPLOYMENT_CHANGED = "deployment.changed", "Application changed"
    DEPLOYMENT_SUBMITTED = "deployment.submitted", "Deployment submitted for authority"
    DEPLOYMENT_WITHDRAWN = "deployment.withdrawn", "Application withdrawn"
    DEPLOYMENT_RETURNED = "deployment.returned", "Application returned"
    DEPLOYMENT_AUTHORISED = "deployment.authorised", "Deployment authorised"
    DEPLOYMENT_REFUSED = "deployment.refused", "Deployment refused"
    URGENT_REVIEWED = "deployment.urgent_reviewed", "Urgent authority confirmed"
    DEPLOYMENT_NOTIFIED = "deployment.notified", "Public notice given"
    NOTICE_RECORDED = "deployment.notice_recorded", "Further public notice recorded"
    NOTICE_EXEMPTED = "deployment.notice_exempted", "Exempted from the lead time of public notice"
    LIST_ATTACHED = "deployment.list_attached", "Watchlist attached"
    LIST_CONFIRMED = "deployment.list_confirmed", "Watchlist of a period confirmed by the authorising officer"
    LIST_RETURNED = "deployment.list_returned", "Watchlist of a period returned by the authorising officer"
    AUTHORITY_SIGNED = "deployment.authority_signed", "Authority signed"
    SIGN_RECORDED = "deployment.sign_recorded", "Sign recorded"
    SIGN_TAKEN_DOWN = "deployment.sign_taken_down", "Sign taken down"
    CARDS_RECORDED = "deployment.cards_recorded", "Number of cards handed out recorded"
    STAFF_POSTED = "deployment.staff_posted", "Operator or officer posted"
    STAFF_WITHDRAWN = "deployment.staff_withdrawn", "Posting ended"
    BRIEFING_RECORDED = "deployment.briefing_recorded", "Briefing recorded"
    OFFICERS_COUNTED = "deployment.officers_counted", "Number of officers present recorded"
    CLOCK_CHECKED = "deployment.clock_checked", "Clock check recorded"
    TEST_STARTED = "deployment.test_started", "Recognition test started"
    TEST_ENDED = "deployment.test_ended", "Recognition test ended"
    PASS_TAPPED = "deployment.pass_tapped", "Recognition test pass recorded"
    DEPLOYMENT_READY = "deployment.ready", "Deployment marked as ready"
    DEPLOYMENT_UNREADY = "deployment.unready", "Deployment no longer ready"
    DEPLOYMENT_LIVE = "deployment.live", "Deployment went live"
    DEPLOYMENT_PAUSED = "deployment.paused", "Deployment paused"
    DEPLOYMENT_RESUMED = "deployment.resumed", "Deployment resumed"
    DEPLOYMENT_STOOD_DOWN = "deployment.stood_down", "Deployment stood down until its next period"
    # For a deployment that never started. The state is now called `auth_expired`.
    DEPLOYMENT_LAPSED = "deployment.lapsed", "Expired before going live"
    DEPLOYMENT_ENDED = "deployment.ended", "Deployment ended"
    DEPLOYMENT_STOPPED = "deployment.stopped", "Deployment stopped"
    DEPLOYMENT_CANCELLED = "deployment.cancelled", "Deployment cancelled"
    DEPLOYMENT_REVIEWED = "deployment.reviewed", "Deployment review recorded"
    DEPLOYMENT_CLOSED = "deployment.closed", "Deployment closed"
    RESULTS_PUBLISHED = "deployment.results_published", "Results published"
    DOCUMENT_MADE = "deployment.document_made", "Authority document created"
    DOCUMENT_READ = "deployment.document_read", "Authority document downloaded"
    THRESHOLD_CHANGE_PROPOSED = "deployment.threshold_change_proposed", "Change to a deployment's threshold proposed"
    THRESHOLD_CHANGE_APPROVED = "deployment.threshold_change_approved", "Change to a deployment's threshold approved"
    THRESHOLD_CHANGE_REJECTED = "deployment.threshold_change_rejected", "Change to a deployment's threshold rejected"
    CEILING_EXCEEDED = "deployment.ceiling_exceeded", "Decision on false alerts above the ceiling requested"
    CEILING_CONTINUED = "deployment.ceiling_continued", "Decision to continue above the ceiling recorded"
    CEILING_MET = "deployment.ceiling_met", "False alerts no longer above the ceiling"
    KIT_RECEIVED = "kit.received", "Equipment or medium registered"
    KIT_WIPED = "kit.wiped", "Equipment or medium wiped"
    # Before media were registered: loaned equipment, wiped and returned.
    KIT_RETURNED = "kit.returned", "Loaned equipment wiped and returned"
    LOAN_MADE = "loan.made", "Equipment lent to another force"
    LOAN_ENDED = "loan.ended", "Lent equipment came back, wiped"
    DISCLOSED = "disclosure.recorded", "Disclosure outside the force recorded"
    CAMERA_ADDED = "camera.added", "Camera added"
    CAMERA_CHANGED = "camera.changed", "Camera changed"
    CAMERA_WIDENED = "camera.widened", "Camera widened by an amendment of the authority"
    CAMERA_EXCLUSION = "camera.exclusion", "Part of a camera's picture excluded, or looked at again"
    CAMERA_REMOVED = "camera.removed", "Camera removed"
    CAMERA_TOKEN_ISSUED = "camera.token_issued", "Camera token issued"
    CAMERA_TOKEN_REVOKED = "camera.token_revoked", "Camera token revoked"
    CAMERA_CONNECTED = "camera.connected", "Camera connected"
    CAMERA_DISCONNECTED = "camera.disconnected", "Camera disconnected"
    ALERT_RAISED = "alert.raised", "Possible match raised"
    ALERT_SHOT_ADDED = "alert.shot_added", "Further shot added to a possible match"
    ALERT_VIEWED = "alert.viewed", "Possible match viewed"
    ALERT_OPENED = "alert.opened", "Possible match opened by an operator"
    ALERT_REFERRED = (
        "alert.referred",
        "Possible match decided as the same person and referred to officers",
    )
    ALERT_DECIDED = "alert.decided", "Operator's decision (adjudication) recorded"
    ALERT_RETRACTED = "alert.retracted", "Operator's decision (adjudication) undone"
    ALERT_HANDED_OVER = "alert.handed_over", "Possible match referred to officers again"
    ALERT_ESCALATED = "alert.escalated", "Unanswered possible match escalated to all officers"
    ALERT_RESPONDED = "alert.responded", "Officer's response recorded"
    ALERT_OUTCOME = "alert.outcome", "Outcome recorded"
    ALERT_EXPIRED = "alert.expired", "Possible match not decided in time"
    ALERT_CORRECTED = "alert.corrected", "Outcome corrected"
    ALERT_SECOND_LOOK = "alert.second_look", "Second look at a decided possible match recorded"
    ALERT_SEPARATED = "alert.separated", "Shots taken from a possible match to raise their own"
    ALERT_REPEATS = "alert.repeats", "Possible match recognised as the same person or object as an earlier one"
    STOOD_DOWN = "alert.stood_down", "Watchlist entry stood down in part of a camera's picture"
    STAND_DOWN_CONFIRMED = (
        "alert.stand_down_confirmed",
        "Stand-down of a watchlist entry confirmed until the period ends",
    )
    STAND_DOWN_LIFTED = "alert.stand_down_lifted", "Stand-down of a watchlist entry lifted"
    STAND_DOWN_LAPSED = "alert.stand_down_lapsed", "Stand-down of a watchlist entry lapsed"
    ALERT_HELD = "alert.held", "Evidence hold placed on a possible match"
    ALERT_HOLD_RELEASED = "alert.hold_released", "Evidence hold on a possible match released"
    ALERT_PURGED = "alert.purged", "Possible match purged"
    PURGE_CERTIFIED = "alert.purge_certified", "Certificate of the purge of a deployment's possible matches issued"
    ALERT_KEY_DESTROYED = "alert.key_destroyed", "Key for a period's possible matches destroyed"
    SUBSCRIBER_ADDED = "subscriber.added", "Subscriber added"
    SUBSCRIBER_CHANGED = "subscriber.changed", "Subscriber changed"
    ALERT_SENT = "alert.sent", "Notification of a possible match sent"
    CONTROL_PLANTED = "control.planted", "Known-negative check planted"
    CONTROL_JUDGED = "control.judged", "Known-negative check adjudicated"
    RECORD_VIEWED = "record.viewed", "Deployment record viewed"
    PHOTOGRAPH_VIEWED = "photograph.viewed", "Photograph viewed outside its page"
    JOURNAL_EXPORTED = "journal.exported", "Audit log downloaded"
    JOURNAL_EXPIRED = "journal.expired", "Entries of the audit log destroyed at the end of their retention"
    JOURNAL_VERIFIED = "journal.verified", "Audit log verified"
    JOURNAL_REPORTED = "journal.reported", "Audit report made"
    WITNESS_REFUSED = "journal.witness_refused", "Witness did not countersign a checkpoint"
    ACCESS_REFUSED = "access.refused", "Page or act refused to a user"
    ALERT_LOG_VIEWED = "alert.log_viewed", "Log of a deployment's possible matches viewed"
    RETENTION_REPORTED = "retention.reported", "Retention report made"
    RECORD_EXPORTED = "record.exported", "Deployment record downloaded"

    @property
    def verb(self) -> Verb:
        """The section 62 verb that this action counts as, or the class outside the six."""
        return _VERBS[self]


# Every action stands here once: there is no default.
OF_VERB: dict[Verb, tuple[Action, ...]] = {
    Verb.COLLECTION: (
        Action.PERSON_ADDED,
        Action.PHOTOGRAPH_ADDED,
        Action.IMPORT_BEGUN,
        Action.IMPORT_READ,
        Action.IMPORT_DONE,
        Action.WATCHLIST_ENTRY_ADDED,
        Action.CAMERA_CONNECTED,
        Action.PASS_TAPPED,
    ),
    Verb.ALTERATION: (
        Action.PERSON_CHANGED,
        Action.PHOTOGRAPHS_READ_AGAIN,
        Action.PHOTOGRAPH_CONFIRMED,
        Action.FLAG_ACCEPTED,
        Action.FLAGS_ACCEPTED,
        Action.PEOPLE_CURRENT,
        Action.HOLD_PLACED,
        Action.HOLD_RELEASED,
        Action.IMPORT_CONFIRMED,
        Action.WATCHLIST_COMPILED,
        Action.WATCHLIST_CHECKED,
        Action.WATCHLIST_WITHDRAWN,
        Action.WATCHLIST_RETURNED,
        Action.WATCHLIST_REJECTED,
        Action.WATCHLIST_DISCARDED,
        Action.WATCHLIST_AUTHORISED,
        Action.CHILD_ACCEPTED,
        Action.WATCHLIST_CONFIRMED,
        Action.WATCHLIST_SEALED,
        Action.WATCHLIST_SUPERSEDED,
        Action.WATCHLIST_LIVE,
        Action.WATCHLIST_EXPIRED,
        Action.WATCHLIST_CLOSED,
        Action.KEYS_ROTATED,
        Action.ALERT_DECIDED,
        Action.ALERT_RETRACTED,
        Action.ALERT_RESPONDED,
        Action.ALERT_OUTCOME,
        Action.ALERT_EXPIRED,
        Action.ALERT_CORRECTED,
        Action.ALERT_SECOND_LOOK,
        Action.ALERT_SEPARATED,
        Action.ALERT_REPEATS,
        Action.ALERT_HELD,
        Action.ALERT_HOLD_RELEASED,
        Action.CONTROL_JUDGED,
    ),
    Verb.CONSULTATION: (
        Action.PERSON_VIEWED,
        Action.WATCHLIST_VIEWED,
        Action.PHOTOGRAPH_VIEWED,
        Action.RECORD_VIEWED,
        Action.LEDGER_SEARCHED,
        Action.ALERT_VIEWED,
        Action.ALERT_LOG_VIEWED,
        Action.ALERT_OPENED,
    ),
    Verb.DISCLOSURE: (
        Action.IMPORT_EXPORTED,
        Action.DISCLOSED,
        Action.DOCUMENT_READ,
        Action.ALERT_REFERRED,
        Action.ALERT_HANDED_OVER,
        Action.ALERT_ESCALATED,
        Action.ALERT_SENT,
        Action.JOURNAL_EXPORTED,
        Action.JOURNAL_REPORTED,
        Action.RETENTION_REPORTED,
        Action.RECORD_EXPORTED,
    ),
    Verb.COMBINATION: (
        Action.PERSON_MERGED,
        Action.WATCHLIST_VERSION,
        Action.ALERT_RAISED,
        Action.ALERT_SHOT_ADDED,
        Action.CONTROL_PLANTED,
    ),
    Verb.ERASURE: (
        Action.PERSON_DESTROYED,
        Action.PHOTOGRAPH_DESTROYED,
        Action.WATCHLIST_ENTRY_REMOVED,
        Action.IMPORT_CANCELLED,
        Action.WATCHLIST_DESTROYED,
        Action.DATABASE_SCRUBBED,
        Action.ALERT_PURGED,
        Action.PURGE_CERTIFIED,
        Action.ALERT_KEY_DESTROYED,
        Action.JOURNAL_EXPIRED,
    ),
    Verb.ACCESS: (
        Action.USER_ADDED,
        Action.ROLE_GIVEN,
        Action.ROLE_REMOVED,
        Action.TOKEN_ISSUED,
        Action.SIGNED_IN,
        Action.SIGNED_OUT,
        Action.SIGN_IN_FAILED,
        Action.SIGN_IN_REFUSED,
        Action.ACCESS_REFUSED,
        Action.TRAINING_RECORDED,
        Action.TRAINING_WITHDRAWN,
        Action.STAFF_POSTED,
        Action.STAFF_WITHDRAWN,
        Action.CAMERA_TOKEN_ISSUED,
        Action.CAMERA_TOKEN_REVOKED,
    ),
    Verb.DECISION: (
        Action.ENGINE_REGISTERED,
        Action.CALIBRATION_ADDED,
        Action.OPERATING_POINT_SET,
        Action.WATCHLIST_CREATED,
        Action.EVIDENCE_RECORDED,
        Action.EVIDENCE_COUNTERSIGNED,
        Action.EVIDENCE_WITHDRAWN,
        Action.THRESHOLD_PROPOSED,
        Action.THRESHOLD_APPROVED,
        Action.THRESHOLD_REJECTED,
        Action.GOVERNING_RECORDED,
        Action.GOVERNING_APPROVED,
        Action.GOVERNING_WITHDRAWN,
        Action.DEPLOYMENT_CREATED,
        Action.DEPLOYMENT_CHANGED,
        Action.DEPLOYMENT_SUBMITTED,
        Action.DEPLOYMENT_WITHDRAWN,
        Action.DEPLOYMENT_RETURNED,
        Action.DEPLOYMENT_AUTHORISED,
        Action.DEPLOYMENT_REFUSED,
        Action.URGENT_REVIEWED,
        Action.DEPLOYMENT_NOTIFIED,
        Action.NOTICE_RECORDED,
        Action.NOTICE_EXEMPTED,
        Action.LIST_ATTACHED,
        Action.LIST_CONFIRMED,
        Action.LIST_RETURNED,
        Action.AUTHORITY_SIGNED,
        Action.SIGN_RECORDED,
        Action.SIGN_TAKEN_DOWN,
        Action.CARDS_RECORDED,
        Action.BRIEFING_RECORDED,
        Action.OFFICERS_COUNTED,
        Action.CLOCK_CHECKED,
        Action.TEST_STARTED,
        Action.TEST_ENDED,
        Action.DEPLOYMENT_READY,
        Action.DEPLOYMENT_UNREADY,
        Action.DEPLOYMENT_LIVE,
        Action.DEPLOYMENT_PAUSED,
        Action.DEPLOYMENT_RESUMED,
        Action.DEPLOYMENT_STOOD_DOWN,
        Action.DEPLOYMENT_LAPSED,
        Action.DEPLOYMENT_ENDED,
        Action.DEPLOYMENT_STOPPED,
        Action.DEPLOYMENT_CANCELLED,
        Action.DEPLOYMENT_REVIEWED,
        Action.DEPLOYMENT_CLOSED,
        Action.RESULTS_PUBLISHED,
        Action.DOCUMENT_MADE,
        Action.THRESHOLD_CHANGE_PROPOSED,
        Action.THRESHOLD_CHANGE_APPROVED,
        Action.THRESHOLD_CHANGE_REJECTED,
        Action.CEILING_EXCEEDED,
        Action.CEILING_CONTINUED,
        Action.CEILING_MET,
        Action.STOOD_DOWN,
        Action.STAND_DOWN_CONFIRMED,
        Action.STAND_DOWN_LIFTED,
        Action.STAND_DOWN_LAPSED,
        Action.KIT_RECEIVED,
        Action.KIT_WIPED,
        Action.KIT_RETURNED,
        Action.LOAN_MADE,
        Action.LOAN_ENDED,
        Action.CAMERA_ADDED,
        Action.CAMERA_CHANGED,
        Action.CAMERA_WIDENED,
        Action.CAMERA_EXCLUSION,
        Action.CAMERA_REMOVED,
        Action.CAMERA_DISCONNECTED,
        Action.SUBSCRIBER_ADDED,
        Action.SUBSCRIBER_CHANGED,
        Action.JOURNAL_VERIFIED,
        Action.WITNESS_REFUSED,
    ),
}
_VERBS = {action: verb for verb, actions in OF_VERB.items() for action in actions}
