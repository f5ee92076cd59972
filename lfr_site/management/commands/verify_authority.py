from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import signing
from deployments import executable
from deployments.models import SignedAuthority
from deployments.terms import CONTEXT, NotAnAuthority, canonical, read, sha256_of


class Command(BaseCommand):
    help = (
        "Verify a signed authority downloaded from a deployment's page: its form, its hash and its signature, by this "
        "system's keys or a published one. Unless --offline, also compare it with the records."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="The JSON file.")
        parser.add_argument(
            "--key", default="", help="Public key in hexadecimal, as published (default: this system's)."
        )
        parser.add_argument("--offline", action="store_true", help="Do not ask the database.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = json.loads(options["file"].read_text())
            document, signature = found["document"], base64.b64decode(found["signature"], validate=True)
            content = canonical(document)
            terms = read(content)
        except (OSError, ValueError, KeyError, TypeError, NotAnAuthority) as error:
            raise CommandError(f"{options['file']} is not a signed authority: {error}") from error
        if sha256_of(content) != found.get("sha256"):
            raise CommandError("The hash is not that of the document.")
        if not any(signing.is_signed(key, CONTEXT + content, signature) for key in self._keys(options["key"])):
            raise CommandError("The signature is not one of these keys'. The document was changed, or is another's.")
        self.stdout.write(f"Signature verified. Version {document['version']} of {document['number']}, {terms.sha256}.")
        if not options["offline"]:
            self._compare(terms.sha256)

    def _keys(self, given: str) -> list[bytes]:
        if not given:
            return list(signing.public_keys(signing.AUTHORITY).values())
        try:
            return [bytes.fromhex(given)]
        except ValueError as error:
            raise CommandError("--key must be 64 hexadecimal digits.") from error

    def _compare(self, sha256: str) -> None:
        signed = SignedAuthority.objects.select_related("deployment").filter(sha256=sha256).first()
        if signed is None:
            raise CommandError("This system's records do not have this document.")
        if signed.deployment.authority_sha256 != sha256:
            self.stdout.write("A later version is in force.")
            return
        differing = executable.drift(signed)
        for path, was, is_now in differing:
            self.stdout.write(f"  {path}: signed {was}, in the records {is_now}")
        if differing:
            raise CommandError("The records differ from what was signed.")
        self.stdout.write("It is in force, and the records agree with it.")
