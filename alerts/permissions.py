"""The names of the permissions of alerts."""

WATCH_ALERTS = "alerts.watch_alerts"
DECIDE_ALERT = "alerts.decide_alert"
RECORD_OUTCOME = "alerts.record_outcome"
HOLD_ALERT = "alerts.hold_alert"
SEE_FIGURES = "alerts.see_figures"
