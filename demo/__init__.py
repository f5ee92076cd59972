"""The demonstration: invented people, a live deployment and a simulated street."""
