"""The regulator's export, verified by the one file that is in it, in a process of its own, also after tampering."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from django.utils import timezone

from audit import checkpoints, journal, log_keys, retention, tree
from audit.actions import Action
from audit.journal import record
from audit.models import Checkpoint, Cosignature, Entry
from audit.verification import verify
from core import keys, signing
from core.actors import System
from reports.regulator import proof_of, write_export
from tests.cast import Cast, client_of, make_live_deployment
from transparency.verifier import COSIGNATURE, Finding, Key, cosigned, leaf_hash, signature_line


@pytest.fixture
def log(cast: Cast) -> Cast:
    """A log of twelve entries, with checkpoints after the fifth and the tenth."""
    for count in (5, 5, 2):
        for each in range(count):
            record(Action.SIGNED_IN, actor=cast.operator, target=cast.operator, data={"n": each, "why": "=1+1 é\u2028"})
        if count == 5:
            checkpoints.make(Checkpoint.Why.DAILY)
    return cast


def _exported(folder: Path, **options: Any) -> Path:
    path = folder / f"export-{len(list(folder.iterdir()))}.zip"
    with path.open("w+b") as stream:
        write_export(stream, made_by="compliance", **options)
    return path


def _verified(path: Path, *more: str | Path) -> tuple[int, str]:
    """Run the verifier out of the export itself, with nothing else of this project to import."""
    with zipfile.ZipFile(path) as packed:
        script = path.with_suffix(".py")
        script.write_bytes(packed.read("verify.py"))
    command = [sys.executable, "-I", str(script), str(path), *map(str, more)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=path.parent, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def _tampered(*statements: str) -> None:
    tables = ("audit_entry", "audit_tile", "audit_checkpoint", "audit_cosignature")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def _computed_anew() -> None:
    """Compute the whole tree again from the rows, as somebody who owns the database could."""
    _tampered("DELETE FROM audit_tile")
    tree.extend([leaf_hash(entry.canonical()) for entry in Entry.objects.in_order()], 0)


def _rewritten(path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Write an export again, with the files that `change` returns. None: leave the file out."""
    new = path.with_name(f"changed-{path.name}")
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(new, "w") as after:
        for name in before.namelist():
            content = change(name, before.read(name))
            if content is not None:
                after.writestr(name, content)
    return new


def _forged(path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Rewrite an export as somebody who has the key of the log could: with a manifest that fits again."""
    changed = _rewritten(path, lambda name, content: None if name == "manifest.txt" else change(name, content))
    with zipfile.ZipFile(changed) as packed:
        lines = [f"{hashlib.sha256(packed.read(name)).hexdigest()}  {name}" for name in packed.namelist()]
    text = "\n".join([f"{log_keys.origin()} export", *lines, ""])
    with zipfile.ZipFile(changed, "a") as packed:
        packed.writestr("manifest.txt", checkpoints.signed(text))
    return changed


def _about(**changes: Any) -> Callable[[str, bytes], bytes]:
    """Change log.json."""
    return lambda name, content: json.dumps(json.loads(content) | changes).encode() if name == "log.json" else content


def _without(beginning: str) -> Callable[[str, bytes], bytes | None]:
    """Leave files out."""
    return lambda name, content: None if name.startswith(beginning) else content


def test_a_whole_log_is_verified_offline(log: Cast, tmp_path: Path) -> None:
    status, said = _verified(_exported(tmp_path))
    assert (status, said.splitlines()[-1]) == (0, "VERIFIED"), said
    assert "12 entries of a log of 12" in said
    assert "entries 1 to 12 are those of 3 checkpoints" in said
    assert "entries 1 to 12 are not covered by a countersigned checkpoint" in said
    policy = tmp_path / "policy.txt"
    policy.write_text(log_keys.policy_text())
    assert _verified(_exported(tmp_path), "--policy", policy)[0] == 0


def test_a_selection_shows_the_places_of_its_entries_and_nothing_of_the_others(log: Cast, tmp_path: Path) -> None:
    journal.number_waiting()
    chosen = Entry.objects.filter(number__in=(2, 3, 11))
    path = _exported(tmp_path, chosen=chosen, selection="Three")
    status, said = _verified(path)
    assert (status, "3 selected entries (Three) of a log of 12" in said) == (0, True), said
    assert "entries 1 to 12 are those of 3 checkpoints" in said
    with zipfile.ZipFile(path) as packed:
        everything = b"".join(packed.read(name) for name in packed.namelist())
    others = Entry.objects.exclude(number__in=(2, 3, 11)).values_list("salt", flat=True)
    assert len(others) == 9
    assert not any(salt.encode() in everything for salt in others)


def test_an_altered_row_is_named(log: Cast, tmp_path: Path) -> None:
    journal.number_waiting()
    _tampered("UPDATE audit_entry SET actor = 'somebody else' WHERE number IN (4, 7)")
    status, said = _verified(_exported(tmp_path))
    assert status == 1
    assert "BAD  entry 4: it has been changed since it was recorded" in said
    assert "BAD  entry 7: it has been changed since it was recorded" in said


def test_a_removed_row_is_named(log: Cast, tmp_path: Path) -> None:
    journal.number_waiting()
    _tampered("DELETE FROM audit_entry WHERE number = 6")
    status, said = _verified(_exported(tmp_path))
    assert (status, "BAD  entry 6: it is missing" in said) == (1, True), said


def test_a_log_that_was_computed_anew_does_not_fit_the_checkpoints_in_it(log: Cast, tmp_path: Path) -> None:
    journal.number_waiting()
    _tampered("UPDATE audit_entry SET actor = 'somebody else' WHERE number = 7")
    _computed_anew()
    status, said = _verified(_exported(tmp_path))
    assert (status, "BAD  entry 6: one or more of the entries 6 to 10 are not what was recorded" in said) == (
        1,
        True,
    ), said


def test_without_its_old_checkpoints_it_does_not_fit_one_that_somebody_kept(log: Cast, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text(Checkpoint.objects.get(size=10).signed)
    journal.number_waiting()
    _tampered("UPDATE audit_entry SET actor = 'somebody else' WHERE number = 7", "DELETE FROM audit_checkpoint")
    _computed_anew()
    path = _exported(tmp_path)
    # The owner of the database and of the log's key can sign anything: only what others kept shows it.
    assert _verified(path)[0] == 0
    status, said = _verified(path, "--checkpoint", kept)
    assert (status, "BAD  entry 1: one or more of the entries 1 to 10 are not what was recorded" in said) == (
        1,
        True,
    ), said


def test_a_cut_tail_is_found(log: Cast, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    journal.number_waiting()
    kept.write_text(Checkpoint.objects.get(size=10).signed)
    _tampered("DELETE FROM audit_entry WHERE number > 8", "DELETE FROM audit_checkpoint WHERE size > 8")
    _computed_anew()
    status, said = _verified(_exported(tmp_path), "--checkpoint", kept)
    assert (status, "BAD  entry 9: it and all later ones are missing: the log had 10 entries" in said) == (1, True), (
        said
    )


def test_a_log_that_was_started_again_under_another_key_is_found(log: Cast, tmp_path: Path) -> None:
    kept, policy = tmp_path / "kept.txt", tmp_path / "policy.txt"
    kept.write_text(Checkpoint.objects.get(size=10).signed)
    policy.write_text(log_keys.policy_text())
    keys.destroy(log_keys.LOG)
    signing.prepare(log_keys.LOG)
    path = _exported(tmp_path)
    for more in (("--checkpoint", kept), ("--policy", policy)):
        status, said = _verified(path, *more)
        assert (status, "not signed by the log" in said) == (1, True), said


@pytest.mark.parametrize(
    "name", ["entries.csv", "entries.jsonl", "README.html", "hashes.bin", "verify.py", "policy.txt"]
)
def test_a_file_that_was_changed_or_removed_in_the_export_is_named(log: Cast, tmp_path: Path, name: str) -> None:
    path = _exported(tmp_path)
    added = _rewritten(path, lambda each, content: content + b"\n" * (each == name))
    assert f"BAD  {name} is not the file that the manifest lists" in _verified(added)[1]
    if name != "verify.py":
        removed = _rewritten(path, lambda each, content: None if each == name else content)
        status, said = _verified(removed)
        assert (status, name in said) == (1, True), said


def test_a_table_that_says_something_else_than_the_hashed_entries_is_found(log: Cast, tmp_path: Path) -> None:
    def changed(name: str, content: bytes) -> bytes:
        return content.replace(b",operator,", b",stranger,", 1) if name == "entries.csv" else content

    status, said = _verified(_rewritten(_exported(tmp_path), changed))
    assert (status, "BAD  entry 1 in entries.csv is not the one in entries.jsonl" in said) == (1, True), said


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"PK\x03\x04 half of a ZIP", b"old x\n\nnothing"])
def test_what_is_no_export_gets_an_answer_and_no_stack_trace(log: Cast, tmp_path: Path, content: bytes) -> None:
    whole = _exported(tmp_path)
    broken = tmp_path / "broken"
    broken.write_bytes(content)
    script = tmp_path / "verify.py"
    with zipfile.ZipFile(whole) as packed:
        script.write_bytes(packed.read("verify.py"))
    command = [sys.executable, "-I", str(script), str(broken)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout.splitlines()[-1]) == (1, "", "NOT VERIFIED")


def test_a_proof_shows_that_an_entry_is_in_the_log(log: Cast, tmp_path: Path) -> None:
    journal.number_waiting()
    policy, proof = tmp_path / "policy.txt", tmp_path / "entry.tlog-proof"
    policy.write_text(log_keys.policy_text())
    path = _exported(tmp_path)
    script = path.with_suffix(".py")
    _verified(path)
    for number in (1, 6, 12):
        proof.write_text(proof_of(Entry.objects.get(number=number)))
        command = [sys.executable, "-I", str(script), str(proof), "--policy", str(policy)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, f"this is entry {number} of" in done.stdout) == (0, True), done.stdout + done.stderr
    proof.write_text(proof.read_text().replace("index 11", "index 10"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "this is not entry 11" in done.stdout) == (1, True)


def test_the_page_makes_an_export_for_a_named_recipient_and_the_log_says_so(cast: Cast, tmp_path: Path) -> None:
    make_live_deployment(cast)
    client = client_of(cast.compliance)
    query = f"?actor={cast.commander.pk}&verb=decision"
    assert client.post(f"/journal/export/{query}", {"recipient": "", "purpose": "x"}).status_code == 422
    assert not Entry.objects.filter(action=Action.JOURNAL_EXPORTED).exists()
    answer = client.post(f"/journal/export/{query}", {"recipient": "The regulator", "purpose": "Inquiry 12"})
    path = tmp_path / "export.zip"
    path.write_bytes(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    status, said = _verified(path)
    assert (
        status,
        "selected entries (User: commander; Verb: Decision (outside section 62); Without machines’ rows)" in said,
    ) == (0, True), said
    data = Entry.objects.get(action=Action.JOURNAL_EXPORTED).data
    assert (data["recipient"], data["purpose"], data["filters"]) == ("The regulator", "Inquiry 12", query[1:])
    with zipfile.ZipFile(path) as packed:
        text = packed.read("manifest.txt").decode().rpartition("\n\n")[0] + "\n"
    assert data["manifest"] == hashlib.sha256(text.encode()).hexdigest()
    everything = client.post("/journal/export/", {"recipient": "The court", "purpose": "Case 3"})
    path.write_bytes(b"".join(everything.streaming_content))  # type: ignore[attr-defined]
    # The entry about this export was written after it.
    count = Entry.objects.count() - 1
    assert f"{count} entries of a log of {count}" in _verified(path)[1]


def test_the_key_of_the_log_can_be_renewed(log: Cast, tmp_path: Path) -> None:
    before = log_keys.log_keys()
    keys.renew(log_keys.LOG)
    assert log_keys.log_keys()[1:] == before
    assert [Key.read(line.split()[1]) for line in log_keys.policy_text().splitlines()] == log_keys.log_keys()
    assert _verified(_exported(tmp_path))[0] == 0


def test_a_checkpoint_inside_what_is_left_out_of_a_selection_is_not_taken_as_compared(
    log: Cast, tmp_path: Path
) -> None:
    """The owner of the database rewrites an entry, and removes the checkpoint over it, which somebody kept."""
    kept = tmp_path / "kept.txt"
    kept.write_text(Checkpoint.objects.get(size=10).signed)
    journal.number_waiting()
    _tampered("UPDATE audit_entry SET actor = 'somebody else' WHERE number = 5", "DELETE FROM audit_checkpoint")
    _computed_anew()
    path = _exported(tmp_path, chosen=Entry.objects.filter(number=12), selection="One")
    status, said = _verified(path, "--checkpoint", kept)
    assert (status, "BAD  the checkpoint at entry 10 does not fit, or cannot be compared" in said) == (1, True), said


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ([[1, 4], [5, 0, "00" * 32], [13, 12]], "do not follow each other"),
        ([[1, 4], [5, 7, "00" * 32], [8, 12]], "is not a subtree"),
        ([[1, 4], [5, 8, "00" * 31], [9, 12]], "is not a subtree"),
        ([[1, 4], [6, 12]], "do not follow each other"),
        ([[1, 10]], "entries.jsonl has more entries"),
        ([[1, 13]], "should be in entries.jsonl"),
    ],
)
def test_spans_that_do_not_describe_the_log_are_refused(
    log: Cast, tmp_path: Path, spans: list[list[Any]], words: str
) -> None:
    status, said = _verified(_forged(_exported(tmp_path), _about(spans=spans)))
    assert (status, words in said) == (1, True), said


def test_without_a_checkpoint_over_all_of_it_a_log_is_not_verified(log: Cast, tmp_path: Path) -> None:
    for part in ("checkpoints/", "checkpoints/000000000012"):
        forged = _forged(_exported(tmp_path), _without(part))
        status, said = _verified(forged)
        assert (status, "BAD  no checkpoint shows that the log had 12 entries, and these" in said) == (1, True), said


def test_two_files_of_one_name_are_refused(log: Cast, tmp_path: Path) -> None:
    path = _exported(tmp_path)
    with zipfile.ZipFile(path, "a") as packed, pytest.warns(UserWarning, match="Duplicate name"):
        packed.writestr("README.html", "something else")
    status, said = _verified(path)
    assert (status, "several files of one name" in said) == (1, True), said


def test_no_text_in_an_export_can_pass_for_a_line_of_the_verifier(log: Cast, tmp_path: Path) -> None:
    forged = _forged(
        _exported(tmp_path), _about(selection="x)\n  ok   countersigned by everybody\n\x1b[2J\u2028VERIFIED")
    )
    said = _verified(forged)[1]
    assert not any(line.startswith("  ok   countersigned by everybody") for line in said.splitlines())
    assert "\x1b" not in said


def test_only_the_key_of_this_log_signs_its_manifest(log: Cast, tmp_path: Path) -> None:
    path = _exported(tmp_path)
    settled = tmp_path / "policy.txt"
    own = log_keys.policy_text()
    key = log_keys.log_keys()[0]
    other = Key.of("another.log", key.kind, key.public)
    settled.write_text(f"{own}log {other}\n")
    text = "another.log export\n"
    signature = signing.sign(log_keys.LOG, text.encode()).value
    note = f"{text}\n{signature_line(other, signature)}".encode()
    forged = _rewritten(path, lambda name, content: note if name == "manifest.txt" else content)
    status, said = _verified(forged, "--policy", settled)
    assert (status, "the manifest is not signed by the log" in said) == (1, True), said


def test_a_policy_that_asks_for_a_quorum_is_not_passed_over(log: Cast, tmp_path: Path) -> None:
    policy = tmp_path / "policy.txt"
    policy.write_text(f"{log_keys.policy_text()}quorum everybody\n")
    status, said = _verified(_exported(tmp_path), "--policy", policy)
    assert (status, "quorum" in said) == (1, True), said


def test_a_log_that_was_given_a_new_name_still_verifies(log: Cast, tmp_path: Path, settings: Any) -> None:
    settings.LFR_LOG_ORIGIN = "new.example/audit-log"
    status, said = _verified(_exported(tmp_path))
    assert (status, "entries 1 to 12 are those of 3 checkpoints" in said) == (0, True), said
    assert verify().is_intact


def test_a_kept_checkpoint_may_lie_in_the_unpacked_folder(log: Cast, tmp_path: Path) -> None:
    path, folder = _exported(tmp_path), tmp_path / "unpacked"
    with zipfile.ZipFile(path) as packed:
        packed.extractall(folder)
    (folder / "kept.txt").write_text(Checkpoint.objects.get(size=5).signed)
    command = [sys.executable, "-I", "verify.py", ".", "--checkpoint", "kept.txt"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize("years", [0, 20])
def test_a_forged_end_of_retention_hides_nothing(log: Cast, tmp_path: Path, years: int) -> None:
    """No key is needed to write an entry. It cannot explain why entries are missing that are not old."""
    private = Ed25519PrivateKey.generate()
    key = Key.of("witness.example", COSIGNATURE, private.public_key().public_bytes_raw())
    for checkpoint in Checkpoint.objects.all():
        at, text = int(time.time()), checkpoint.note.rpartition("\n\n")[0] + "\n"
        line = signature_line(key, at.to_bytes(8, "big") + private.sign(cosigned(text, at)))
        Cosignature.objects.create(checkpoint=checkpoint, witness=key.name, at=timezone.now(), line=line)
    policy = tmp_path / "policy.txt"
    policy.write_text(f"{log_keys.policy_text()}witness {key.name} {key}\n")
    Entry.objects.bulk_create([Entry(at=timezone.now(), action="user.signed_in", verb="access") for _ in range(300)])
    operator = log.operator
    forged = record(Action.JOURNAL_EXPIRED, actor=System("the audit log"), target=operator, data={"through": 256})
    if years:
        _tampered(f"UPDATE audit_entry SET at = at + interval '{years} years' WHERE id = {forged.pk}")
    journal.number_waiting()
    _tampered("DELETE FROM audit_entry WHERE number <= 256")
    status, said = _verified(_exported(tmp_path), "--policy", policy)
    assert (status, "entry 256 was destroyed too early: it was written after the checkpoint" in said) == (1, True), said
    assert Finding(256, "it was destroyed before its retention ended") in verify().findings


def test_an_end_of_retention_is_only_for_whole_groups_from_the_beginning(log: Cast, tmp_path: Path) -> None:
    record(Action.JOURNAL_EXPIRED, actor=System("the audit log"), target=log.operator, data={"through": 8})
    journal.number_waiting()
    _tampered("DELETE FROM audit_entry WHERE number = 5")
    status, said = _verified(_exported(tmp_path))
    assert (status, "entry 1 is here, although" in said, "groups of 256 only" in said) == (1, True, True), said
    assert not verify().is_intact


def test_expired_entries_leave_a_log_that_still_verifies(cast: Cast, tmp_path: Path, settings: Any) -> None:
    old = timezone.now() - settings.LFR_AUDIT_RETENTION - dt.timedelta(days=1)
    for count in (100, 260, 200):
        Entry.objects.bulk_create(
            [Entry(at=old, action="user.signed_in", verb="access", actor=str(each)) for each in range(count)]
        )
        checkpoints.make(Checkpoint.Why.DAILY)
    assert retention.expire(timezone.now()) == 512
    status, said = _verified(_exported(tmp_path))
    assert status == 0, said
    assert "entries 1 to 512 were destroyed when their retention ended" in said
    assert "entries 1 to 562 are those of 4 checkpoints" in said
    status, said = _verified(_exported(tmp_path, chosen=Entry.objects.filter(number=530), selection="One"))
    assert status == 0, said
    # Somebody who removes more than that, without an entry that says so, is found.
    _tampered("DELETE FROM audit_entry WHERE number = 513")
    status, said = _verified(_exported(tmp_path))
    assert (status, "BAD  entry 513: it is missing" in said) == (1, True), said
