"""Reads everything below it: the journal, the record of a deployment, exports."""
