"""The names of the permissions of notifications."""

MANAGE_SUBSCRIBERS = "notifications.manage_subscribers"
SEE_DELIVERIES = "notifications.see_deliveries"
