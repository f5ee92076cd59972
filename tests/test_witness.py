"""The witness as a process of its own, the log that asks it, and a time-stamping service."""

from __future__ import annotations

import base64
import datetime as dt
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection
from django.utils import timezone

from audit import attestation, checkpoints, journal, log_keys, tree
from audit.actions import Action
from audit.journal import record
from audit.models import Checkpoint, Cosignature, Entry, Timestamp
from audit.tree import Tree
from audit.verification import last_covered, verify
from core.actors import CLOCK
from core.locks import Turn
from lfr_site.tasks import checkpoint as checkpoint_task
from reports.regulator import extension_of
from tests.cast import Cast, client_of, end, make_live_deployment
from transparency.verifier import Key, Policy, Report, check_extension, encoded, leaf_hash
from watchlists import imports


@dataclass
class RunningWitness:
    """A witness that runs. seen: the file with the last checkpoint that it signed."""

    url: str
    vkey: str
    state: Path
    command: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command)
        for _ in range(600):
            try:
                requests.get(self.url, timeout=5)
            except requests.ConnectionError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the witness did not start")

    def stop(self, how: int = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(30)

    def ask(self, old: int, checkpoint: Checkpoint, proof: list[bytes] | None = None) -> requests.Response:
        proof = Tree().consistency(old, checkpoint.size) if proof is None else proof
        lines = [f"old {old}", *(encoded(each) for each in proof), "", checkpoint.note]
        return requests.post(f"{self.url}/add-checkpoint", data="\n".join(lines).encode(), timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def witness(cast: Cast, tmp_path: Path, settings: Any) -> Iterator[RunningWitness]:
    key, logs, state, port = tmp_path / "witness.key", tmp_path / "logs", tmp_path / "state", _free_port()
    logs.write_text(log_keys.policy_text())
    module = [sys.executable, "-m", "transparency.witness"]
    made = subprocess.run(
        [*module, "key", "witness.example", "--file", str(key)], capture_output=True, text=True, check=True
    )
    assert key.stat().st_mode & 0o777 == 0o600
    serve = ["serve", "--key", str(key), "--logs", str(logs), "--state", str(state), "--port", str(port)]
    running = RunningWitness(f"http://127.0.0.1:{port}", made.stdout.strip(), state, [*module, *serve])
    settings.LFR_WITNESSES = ((running.vkey, running.url),)
    running.start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()


def _grown(cast: Cast, count: int = 3) -> Checkpoint:
    for _ in range(count):
        record(Action.SIGNED_IN, actor=cast.operator, target=cast.operator)
    return checkpoints.make(Checkpoint.Why.DAILY)


def test_a_witness_countersigns_what_extends_the_last_that_it_saw(cast: Cast, witness: RunningWitness) -> None:
    for size in (3, 6, 9):
        assert _grown(cast).size == size
        assert attestation.attest() == 1
        assert attestation.attest() == 0
        assert last_covered() == size
    _, times = log_keys.trusted().opened(Checkpoint.objects.get(size=9).signed)
    assert list(times) == ["witness.example"]
    assert abs(times["witness.example"] - time.time()) < 600
    assert verify().covered == 9
    assert not Entry.objects.filter(action=Action.WITNESS_REFUSED).exists()


def test_a_witness_that_missed_some_catches_up_after_it_was_killed(cast: Cast, witness: RunningWitness) -> None:
    _grown(cast)
    attestation.attest()
    witness.stop(signal.SIGKILL)
    _grown(cast)
    assert attestation.attest() == 0
    _grown(cast)
    witness.start()
    assert attestation.attest() == 1
    assert last_covered() == 9
    # The log has lost what it knew of the witness, which answers 409 with the size.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_cosignature DISABLE TRIGGER USER")
        Cosignature.objects.all()._raw_delete(Cosignature.objects.db)
    _grown(cast)
    assert attestation.attest() == 1


def test_a_log_that_was_rewritten_is_refused_and_the_log_and_the_page_say_so(
    cast: Cast, witness: RunningWitness
) -> None:
    _grown(cast, 6)
    attestation.attest()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("audit_entry", "audit_tile"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_entry SET actor = 'somebody else' WHERE number = 2")
        cursor.execute("DELETE FROM audit_tile")
    tree.extend([leaf_hash(entry.canonical()) for entry in Entry.objects.in_order()], 0)
    newer = _grown(cast)
    assert witness.ask(6, newer).status_code == 422
    for _ in range(2):
        assert attestation.attest() == 0
    entry = Entry.objects.get(action=Action.WITNESS_REFUSED)
    assert (entry.data["witness"], entry.data["status"]) == ("witness.example", 422)
    page = client_of(cast.compliance).get("/journal/").content.decode()
    assert "A witness refused" in page
    assert last_covered() == 6


def test_a_log_that_was_cut_is_refused(cast: Cast, witness: RunningWitness) -> None:
    _grown(cast, 6)
    attestation.attest()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("audit_entry", "audit_tile", "audit_checkpoint", "audit_cosignature"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in (
            "DELETE FROM audit_cosignature",
            "DELETE FROM audit_checkpoint",
            "DELETE FROM audit_entry WHERE number > 3",
            "UPDATE audit_tile SET hashes = substring(hashes FOR 96)",
        ):
            cursor.execute(statement)
    assert checkpoints.make(Checkpoint.Why.DAILY).size == 3
    assert attestation.attest() == 0
    assert "6 entries" in Entry.objects.get(action=Action.WITNESS_REFUSED).data["why"]


def test_the_answers_of_a_witness(cast: Cast, witness: RunningWitness) -> None:
    """The statuses of tlog-witness."""
    first, second = _grown(cast), _grown(cast)
    assert witness.ask(3, second).status_code == 409
    assert witness.ask(0, first).status_code == 200
    conflict = witness.ask(0, second)
    assert (conflict.status_code, conflict.text, conflict.headers["Content-Type"]) == (409, "3\n", "text/x.tlog.size")
    assert witness.ask(7, second, []).status_code == 400
    assert witness.ask(3, second, []).status_code == 422
    assert witness.ask(3, second, [bytes(32)] * 64).status_code == 400
    assert witness.ask(3, second, [b"short"]).status_code == 400
    other = Checkpoint(size=6, note=second.note.replace(log_keys.origin(), "another.log"))
    assert witness.ask(3, other).status_code == 404
    forged = Checkpoint(size=6, note=second.note.replace("\n6\n", "\n5\n"))
    assert witness.ask(3, forged).status_code == 403
    for body in (b"", b"old 3", b"\xff", b"old -1\n\n" + second.note.encode(), b"x" * 100_000):
        answer = requests.post(f"{witness.url}/add-checkpoint", data=body, timeout=30)
        assert answer.status_code in (400, 413), body[:20]
    assert witness.ask(3, second).status_code == 200
    assert witness.ask(6, second).status_code == 200
    (kept,) = [path for path in witness.state.iterdir() if path.name != ".lock"]
    assert subprocess.run(witness.command, check=False, capture_output=True).returncode != 0, "two on one folder"
    shown = requests.get(f"{witness.url}/{kept.name}/checkpoint", timeout=30)
    assert shown.text == kept.read_text()
    policy = log_keys.trusted()
    assert list(policy.opened(shown.text)[1]) == ["witness.example"]
    assert requests.get(f"{witness.url}/{'0' * 64}/checkpoint", timeout=30).status_code == 404


def test_two_checkpoints_at_once_are_not_both_signed_when_only_one_can_be(cast: Cast, witness: RunningWitness) -> None:
    first = _grown(cast)
    assert witness.ask(0, first).status_code == 200
    newer = [_grown(cast) for _ in range(4)]
    proofs = {each.size: Tree().consistency(3, each.size) for each in newer}
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda each=each: answers.append(witness.ask(3, each, proofs[each.size]).status_code))
        for each in newer
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409, 409, 409]


def test_a_proof_between_any_two_checkpoints_is_verified_offline(cast: Cast) -> None:
    made = [_grown(cast, count) for count in (1, 2, 5, 8, 13)]
    policy = Policy.read(log_keys.policy_text())
    client = client_of(cast.compliance)
    for old in made:
        for new in made:
            if old.size < new.size:
                proof = client.get(f"/journal/checkpoints/proof/?old={old.size}&new={new.size}").content.decode()
                assert proof == extension_of(old, new)
                report = Report()
                check_extension(proof, policy, [old.note], report)
                assert report.is_good, report.lines
                report = Report()
                check_extension(proof.replace("old ", "old 1", 1), policy, [old.note], report)
                assert not report.is_good
    assert client.get("/journal/checkpoints/proof/?old=1&new=x").status_code == 422
    assert client.get("/journal/checkpoints/proof/?old=1&new=2").status_code == 404


def test_checkpoints_are_due_daily_every_ten_minutes_while_live_and_when_that_ends(cast: Cast) -> None:
    why = Checkpoint.Why
    now = timezone.now()
    assert checkpoints.why_due(now, is_live=True) is None
    deployment = make_live_deployment(cast)
    assert checkpoints.why_due(now, is_live=False) == why.DAILY
    last = checkpoints.make(why.DAILY)
    record(Action.SIGNED_IN, actor=CLOCK, target=cast.operator)
    journal.number_waiting()
    minute = dt.timedelta(minutes=1)
    assert checkpoints.why_due(last.at + 9 * minute, is_live=True) is None
    assert checkpoints.why_due(last.at + 10 * minute, is_live=True) == why.LIVE
    assert checkpoints.why_due(last.at + 24 * 60 * minute - minute, is_live=False) is None
    assert checkpoints.why_due(last.at + 24 * 60 * minute, is_live=False) == why.DAILY
    checkpoint_task()
    assert Checkpoint.objects.count() == 1
    end(deployment, cast)
    journal.number_waiting()
    checkpoint_task()
    assert Checkpoint.objects.latest("size").why == why.OVER
    checkpoint_task()
    assert Checkpoint.objects.count() == 2


def test_a_witness_that_drips_or_sends_nonsense_holds_nobody_up(cast: Cast, settings: Any) -> None:
    """One deadline for the whole exchange."""

    class Dripping(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            for _ in range(1000):
                self.wfile.write(b"x")
                time.sleep(0.1)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Nonsense(Dripping):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write("— witness.example AAAA\n".encode())

    public = base64.b64decode("0h4m9yJ8xkq1u0rb9z3B9hJYx6zv1m6p4l5o2S8wq1A=")
    vkey = str(Key.of("witness.example", 4, public))
    _grown(cast)
    refused = Entry.objects.filter(action=Action.WITNESS_REFUSED)
    for handler, refusals in ((Dripping, 0), (Nonsense, 1)):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.LFR_WITNESSES = ((vkey, f"http://127.0.0.1:{server.server_port}"),)
        assert attestation.attest() == 0
        server.shutdown()
        server.server_close()
        assert refused.count() == refusals
    assert last_covered() == 0
    assert refused.get().data["why"] == "its signature is not one of its key"


def test_an_answer_that_comes_in_parts_is_read_to_its_end(cast: Cast) -> None:
    class Parts(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            for part in (b"a" * 1448, b"b" * 4552):
                self.wfile.write(part)
                self.wfile.flush()
                time.sleep(0.2)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Parts)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answer = attestation._posted(f"http://127.0.0.1:{server.server_port}", b"x", "text/plain")
    server.shutdown()
    server.server_close()
    assert (answer.status, len(answer.body)) == (200, 6000)


def test_a_cosignature_that_somebody_put_into_the_database_counts_for_nothing(cast: Cast, settings: Any) -> None:
    checkpoint = _grown(cast)
    settings.LFR_WITNESSES = ((str(Key.of("witness.example", 4, bytes(32))), "http://127.0.0.1:1"),)
    line = f"— witness.example {encoded(bytes(76))}\n"
    Cosignature.objects.create(checkpoint=checkpoint, witness="witness.example", at=timezone.now(), line=line)
    assert last_covered() == 0


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A time-stamping service: OpenSSL's, behind an address. Yields the address and its root certificate."""
    config = tmp_path / "tsa.cnf"
    config.write_text(
        "[tsa]\ndefault_tsa = one\n[one]\nserial = " + str(tmp_path / "serial") + "\n"
        "signer_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256, sha512\ness_cert_id_alg = sha256\n"
        "[root]\nbasicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign\nsubjectKeyIdentifier = hash\n"
        "[signer]\nextendedKeyUsage = critical, timeStamping\nkeyUsage = critical, digitalSignature\n"
        "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n"
    )
    names = {part: str(tmp_path / part) for part in ("root.key", "root.pem", "tsa.key", "tsa.csr", "tsa.pem")}
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
    signed = ["-days", "30", "-extfile", str(config), "-extensions", "signer", "-out", names["tsa.pem"]]
    for command in (
        [*new, "-x509", "-days", "30", "-subj", "/CN=Root", "-keyout", names["root.key"], "-out", names["root.pem"]],
        [*new, "-subj", "/CN=Time-stamps", "-keyout", names["tsa.key"], "-out", names["tsa.csr"]],
        ["openssl", "x509", "-req", "-in", names["tsa.csr"], "-CA", names["root.pem"], "-CAkey", names["root.key"]]
        + ["-CAcreateserial", *signed],
    ):
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)

    class Service(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = tmp_path / f"query-{os.urandom(4).hex()}"
            query.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            command = ["openssl", "ts", "-reply", "-config", str(config), "-section", "one", "-queryfile", str(query)]
            command += ["-signer", names["tsa.pem"], "-inkey", names["tsa.key"]]
            answer = subprocess.run(command, check=True, capture_output=True, cwd=tmp_path).stdout
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Path(names["root.pem"])
    server.shutdown()
    server.server_close()


def test_a_checkpoint_is_time_stamped_and_openssl_verifies_it(
    cast: Cast, service: tuple[str, Path], settings: Any, tmp_path: Path
) -> None:
    settings.LFR_TIMESTAMP_URL, settings.LFR_TIMESTAMP_ROOTS = service
    checkpoint = _grown(cast)
    assert attestation.attest() == 1
    assert attestation.attest() == 0
    kept = Timestamp.objects.get()
    assert abs((kept.at - timezone.now()).total_seconds()) < 600
    answer, note = tmp_path / "answer.tsr", tmp_path / "note"
    answer.write_bytes(bytes(kept.response))
    note.write_text(checkpoint.note)
    command = ["openssl", "ts", "-verify", "-in", str(answer), "-data", str(note), "-CAfile", str(service[1])]
    assert b"Verification: OK" in subprocess.run(command, check=True, capture_output=True).stdout


def test_a_time_stamp_under_another_root_is_not_kept(
    cast: Cast, service: tuple[str, Path], settings: Any, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Other", "-days", "30"]
    subprocess.run([*command, "-keyout", "/dev/null", "-out", str(other)], check=True, capture_output=True)
    settings.LFR_TIMESTAMP_URL, settings.LFR_TIMESTAMP_ROOTS = service[0], other
    _grown(cast)
    assert attestation.attest() == 0
    assert not Timestamp.objects.exists()


def test_a_checkpoint_does_not_wait_for_an_import(cast: Cast) -> None:
    """An import can take hours; both once had the same number."""
    record(Action.SIGNED_IN, actor=cast.operator, target=cast.operator)
    elsewhere = connection.copy()
    try:
        with elsewhere.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [Turn.IMPORTS])
        with imports.working() as may, connection.cursor() as cursor:
            assert not may
            # It fails at once instead of waiting for ever.
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            assert checkpoints.make(Checkpoint.Why.DAILY).size == Entry.objects.count()
    finally:
        elsewhere.close()
