"""Cases: requests of people about their data, complaints, breaches and freedom of information."""
