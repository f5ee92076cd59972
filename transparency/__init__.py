"""The audit log's transparency formats, and the two programs that others run: the verifier and the witness."""
