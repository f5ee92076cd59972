"""Bulk imports: accepted files, the report on every line, and that a bad line does not affect others."""

from __future__ import annotations

import csv
import io
import itertools
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import Entry
from audit.verification import verify
from benchmarks import hostile_files
from core.errors import Conflict, Refused
from recognition.imaging import encode_jpeg
from tests.cast import Cast, make_operating_point, make_watchlist, portrait, portrait_jpeg
from watchlists import bulk, importfile, imports, operations
from watchlists.importfile import COLUMNS, BadFile, PhotographArchive, lines_of, template
from watchlists.models import Flag, Import, ImportPhotograph, ImportRow, Person, Photograph, Template, Watchlist

State, Verdict = Import.State, ImportRow.Verdict

LINE = {
    "reference": "N/1",
    "name": "Alex Fenwick",
    "date_of_birth": "31/05/1990",
    "category": "wanted",
    "offence": "Robbery",
    "seriousness": "serious",
    "data_subject": "suspect",
    "legal_basis": "warrant",
    "tier": "amber",
    "expected_action": "Arrest",
    "photographs": "one.jpg",
    "source": "custody",
    "keeping": "convicted",
    "lawful_hold": "Custody record 1",
    "taken_on": "2026-10-01",
}


def test_a_line_without_a_basis_for_keeping_its_photograph_is_wrong_before_anything_is_added() -> None:
    table = _table({}, {"reference": "N/2", "keeping": ""}, {"reference": "N/3", "source": "passport", "keeping": ""})
    later = _table({"confirmed_by": "P. Vane", "confirmed_at": "2999-01-01 10:00"})
    found = [line.problem for line in (*lines_of(table), *lines_of(later))]
    assert found[0] == ""
    for problem, words in zip(
        found[1:], ("keeping: Select why", "You cannot use a passport", "in the past"), strict=True
    ):
        assert words in problem


def _table(*lines: dict[str, str], encoding: str = "utf-8") -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(COLUMNS))
    writer.writeheader()
    writer.writerows({**LINE, **line} for line in lines)
    return stream.getvalue().encode(encoding)


def _archive(files: dict[str, bytes]) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    stream.seek(0)
    return stream


def _brighter(by: int) -> bytes:
    """Return the portrait with more light: another picture of the same face."""
    return encode_jpeg(np.clip(portrait().astype(int) + by, 0, 255).astype(np.uint8), 95)


GREY = encode_jpeg(np.full((300, 300, 3), 120, np.uint8))


def _run(watchlist: Watchlist, table: bytes, archive: io.BytesIO, cast: Cast) -> Import:
    imported = imports.begin(watchlist, table, archive, actor=cast.watchlist_admin)
    imports.read(imported)
    imported.refresh_from_db()
    return imported


def _messages_of(imported: Import) -> dict[str, tuple[str, str]]:
    return {row.reference: (row.verdict, row.message) for row in imported.rows.all()}


def test_every_line_is_checked_and_a_bad_line_does_not_affect_others(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    table = _table(
        {"photographs": "folder/one.jpg; grey.jpg"},
        {"reference": "N/2", "photographs": "gone.jpg"},
        {"reference": "N/3", "date_of_birth": "the fifth of May", "photographs": "two.jpg"},
        {"reference": "N/4", "photographs": "grey2.jpg"},
        {"reference": "n/1", "photographs": "three.jpg"},
        {"reference": "N/6", "category": "other", "photographs": "three.jpg"},
        {"reference": "N/7", "photographs": "text.jpg"},
        {"reference": "N/8", "photographs": "folder/one.jpg"},
        {"reference": "N/9", "photographs": "four.jpg", "source": "passport"},
        {"reference": "N/10", "photographs": "five.jpg", "category": "witness"},
    )
    files = {f"{name}.jpg": _brighter(by) for name, by in (("two", 1), ("three", 2), ("four", 3), ("five", 4))}
    files |= {"folder/one.jpg": portrait_jpeg(), "grey.jpg": GREY, "grey2.jpg": GREY, "text.jpg": b"no picture"}
    imported = _run(watchlist, table, _archive({**files, "unused.jpg": GREY}), cast)
    shown = _messages_of(imported)
    assert (imported.state, imported.unused) == (State.READY, 1)
    for reference, verdict, words in (
        ("N/1", Verdict.WARN, "“grey.jpg”: No face was found"),
        ("N/2", Verdict.WRONG, "“gone.jpg” is not in the ZIP"),
        ("N/3", Verdict.WRONG, "date_of_birth: Enter a valid date"),
        ("N/4", Verdict.WRONG, "No face was found"),
        ("n/1", Verdict.WRONG, "Line 2 has the same reference"),
        ("N/6", Verdict.WRONG, "category: Select a valid choice"),
        ("N/7", Verdict.WRONG, "is not a picture. The file must be a JPEG"),
        ("N/8", Verdict.WRONG, "already the photograph of another line"),
        ("N/9", Verdict.WRONG, "source: You cannot use a passport photograph"),
    ):
        assert shown[reference][0] == verdict, (reference, shown[reference])
        assert words in shown[reference][1]
    assert not Person.objects.exists()
    imports.confirm(imported, actor=cast.watchlist_admin)
    imports.add(imported)
    imported.refresh_from_db()
    shown = _messages_of(imported)
    assert imported.state == State.DONE
    assert [person.reference for person in Person.objects.all()] == ["N/1"]
    assert "rationale for an associate, witness or victim" in shown["N/10"][1]
    assert Photograph.objects.get().jpeg[:2] == b"\xff\xd8"
    assert Template.objects.count() == 1
    assert not ImportPhotograph.objects.exists()
    watchlist.refresh_from_db()
    assert watchlist.size == 1
    assert verify().is_intact


def test_an_import_adds_the_same_as_adding_one_by_one(cast: Cast) -> None:
    one, many = make_watchlist(cast), make_watchlist(cast, people=0)
    imported = _run(many, _table({"reference": "N/1"}), _archive({"one.jpg": portrait_jpeg()}), cast)
    imports.confirm(imported, actor=cast.watchlist_admin)
    imports.add(imported)
    person = many.people.get()
    kept, first = person.photographs.get(), one.people.get().photographs.get()
    assert (kept.sha256, kept.face_box, kept.jpeg) == (first.sha256, first.face_box, first.jpeg)
    assert kept.quality == first.quality
    np.testing.assert_allclose(
        kept.templates.get().of_engine.embedding, first.templates.get().of_engine.embedding, atol=1e-6
    )
    # The same face under another reference is flagged on both, as when added one by one.
    assert {flag.kind for flag in Flag.objects.all()} == {Flag.Kind.SAME_PERSON}
    assert {flag.person for flag in Flag.objects.all()} == {person, one.people.get()}
    actions = Entry.objects.filter(target_id=str(person.pk)).values_list("action", flat=True)
    assert list(actions) == ["person.added"]


def test_two_lines_of_one_import_that_look_alike_are_flagged(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    table = _table({}, {"reference": "N/2", "photographs": "two.jpg"})
    imported = _run(watchlist, table, _archive({"one.jpg": portrait_jpeg(), "two.jpg": _brighter(5)}), cast)
    imports.confirm(imported, actor=cast.watchlist_admin)
    imports.add(imported)
    assert {(flag.person.reference, flag.kind) for flag in Flag.objects.all()} == {
        ("N/1", Flag.Kind.SAME_PERSON),
        ("N/2", Flag.Kind.SAME_PERSON),
    }


def test_of_several_faces_the_middle_one_is_taken_and_flagged(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    pair = encode_jpeg(np.concatenate([portrait(), portrait()[:, ::-1]], axis=1), 95)
    imported = _run(watchlist, _table({}), _archive({"one.jpg": pair}), cast)
    assert "other faces" in _messages_of(imported)["N/1"][1]
    imports.confirm(imported, actor=cast.watchlist_admin)
    imports.add(imported)
    assert Flag.objects.get().kind == Flag.Kind.POOR_QUALITY


@pytest.mark.parametrize("stopped_in", ["read", "add"])
def test_a_stopped_import_continues(cast: Cast, stopped_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watchlist = make_watchlist(cast, people=0)
    table = _table(*({"reference": f"N/{number}", "photographs": f"{number}.jpg"} for number in range(6)))
    archive = _archive({f"{number}.jpg": _brighter(number) for number in range(6)})
    monkeypatch.setattr(imports, "BATCH", 2)
    imported = imports.begin(watchlist, table, archive, actor=cast.watchlist_admin)
    if stopped_in == "add":
        imports.read(imported)
        imports.confirm(imported, actor=cast.watchlist_admin)
    _stop_after(2, monkeypatch, stopped_in)
    with pytest.raises(KeyboardInterrupt):
        imports.work()
    kept = imports.progress_of(imported)
    assert (kept.read, kept.by_verdict.get(Verdict.ADDED, 0)) == ((4, 0) if stopped_in == "read" else (6, 4))
    monkeypatch.undo()
    assert imports.work() == 1
    imported.refresh_from_db()
    if stopped_in == "read":
        assert imported.state == State.READY
        imports.confirm(imported, actor=cast.watchlist_admin)
        assert imports.work() == 1
        imported.refresh_from_db()
    assert imported.state == State.DONE
    assert watchlist.people.count() == Photograph.objects.count() == 6


def _stop_after(batches: int, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Stop the import between two batches, as when a process ends."""
    module, name = (imports, "_keep") if where == "read" else (bulk, "add_many")
    act, count = getattr(module, name), itertools.count(1)

    def stopping(*args: Any, **kwargs: Any) -> Any:
        if next(count) > batches:
            raise KeyboardInterrupt
        return act(*args, **kwargs)

    monkeypatch.setattr(module, name, stopping)


def test_a_cancelled_import_leaves_nothing(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    imported = _run(watchlist, _table({}), _archive({"one.jpg": portrait_jpeg()}), cast)
    with pytest.raises(Refused, match="has not finished"):
        imports.begin(watchlist, _table({}), _archive({}), actor=cast.watchlist_admin)
    imports.cancel(imported, actor=cast.watchlist_admin)
    assert not ImportPhotograph.objects.exists()
    with pytest.raises(Conflict):
        imports.confirm(imported, actor=cast.watchlist_admin)
    assert not Person.objects.exists()


def test_an_import_adds_nobody_to_a_list_submitted_in_the_meantime(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    table = _table({"photographs": "two.jpg"})
    imported = _run(watchlist, table, _archive({"two.jpg": _brighter(3)}), cast)
    imports.confirm(imported, actor=cast.watchlist_admin)
    operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)
    imports.add(imported)
    imported.refresh_from_db()
    assert imported.state == State.DONE
    assert "only a draft can be changed" in _messages_of(imported)["N/1"][1]
    assert watchlist.people.count() == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: _table({"name": "Zoë"}, encoding="latin-1"), "not in UTF-8 \\(line 2\\)"),
        (lambda: _table({}, encoding="utf-16"), "not in UTF-8"),
        (lambda: b"", "Missing: reference"),
        (_table, "but no people"),
        (lambda: _table({}).replace(b"tier", b"priority"), "Missing: tier; unknown: priority"),
        (lambda: _table({}).replace(b"look_alikes", b"tier"), "repeated: tier"),
        (lambda: _table({}) + b'"open', "cannot be read at line"),
        (lambda: _table({}) + b"\0", "must be a CSV"),
    ],
)
def test_a_wrong_csv_is_refused(data: Callable[[], bytes], words: str) -> None:
    with pytest.raises(BadFile, match=words):
        lines_of(data())


def test_a_line_with_an_extra_comma_is_reported() -> None:
    assert "Check the commas" in lines_of(_table({}) + b"a,b,c\r\n")[1].problem


def test_the_template_is_read_without_errors() -> None:
    (line,) = lines_of(template().encode())
    assert line.problem == ""
    assert line.photographs == ["1042_front.jpg", "1042_side.jpg"]


@pytest.mark.parametrize("name", ["../../etc/cron.d/x.jpg", "/etc/x.jpg", "a/../../x.jpg", "..\\x.jpg", "C:\\x.jpg"])
def test_a_path_that_leads_out_of_the_zip_is_refused(name: str) -> None:
    with pytest.raises(BadFile, match="leads outside it"):
        PhotographArchive(_archive({name: b"x"}))


def test_a_zip_bomb_is_refused_by_its_declared_and_by_its_real_size() -> None:
    bomb = _archive({"one.jpg": b"\0" * (64 * 2**20)})
    with pytest.raises(BadFile, match="far more than its size in the ZIP"):
        PhotographArchive(bomb)
    # A false header: it declares ten bytes for 64 MB.
    data = bytearray(bomb.getvalue())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + offset
        data[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(BadFile):
        PhotographArchive(io.BytesIO(bytes(data))).read("one.jpg")


# With ids, because a ZIP contains its creation time and every process needs the same test names.
@pytest.mark.parametrize(
    "data", [b"", b"no zip at all", _archive({"a.jpg": GREY}).getvalue()[:40]], ids=["empty", "text", "broken off"]
)
def test_a_file_that_is_not_a_zip_is_refused(data: bytes) -> None:
    with pytest.raises(BadFile, match="must be a ZIP"):
        PhotographArchive(io.BytesIO(data))


def test_a_damaged_photograph_in_the_zip_affects_only_its_line(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    data = bytearray(_archive({"one.jpg": portrait_jpeg(), "two.jpg": _brighter(2)}).getvalue())
    at = data.index(b"one.jpg") + 3000
    data[at : at + 200] = zlib.crc32(b"x").to_bytes(4, "little") * 50
    table = _table({}, {"reference": "N/2", "photographs": "two.jpg"})
    shown = _messages_of(_run(watchlist, table, io.BytesIO(bytes(data)), cast))
    assert shown["N/1"][0] == Verdict.WRONG
    assert shown["N/2"][0] == Verdict.GOOD


def test_hostile_photographs_in_the_zip_affect_only_their_lines(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    files = {
        "zip.jpg": (hostile_files.nested_zip(), "is a ZIP archive"),
        "scans.jpg": (hostile_files.empty_scans(3840, 100), "110 scans, which take too long"),
        "strip.tif": (hostile_files.one_strip_tiff(5400, 5400), "too much memory"),
        "large.png": (hostile_files.claimed_png(100_000, 100_000), "more than 120 megapixels"),
        "one.jpg": (portrait_jpeg(), ""),
    }
    table = _table(*({"reference": name, "photographs": name} for name in files))
    shown = _messages_of(_run(watchlist, table, _archive({name: data for name, (data, _) in files.items()}), cast))
    assert [name for name, (_, words) in files.items() if words not in shown[name][1]] == []
    assert [name for name, (verdict, _) in shown.items() if verdict != Verdict.WRONG] == ["one.jpg"]


def test_a_file_name_in_two_folders_needs_its_path() -> None:
    archive = PhotographArchive(_archive({"a/one.jpg": b"1", "b/one.jpg": b"2", "c/Two.JPG": b"3"}))
    assert "several folders" in archive.find("one.jpg")[1]
    assert archive.find("b/one.jpg") == ("b/one.jpg", "")
    assert archive.find("two.jpg") == ("c/Two.JPG", "")


def test_the_pages_of_an_import(cast: Cast) -> None:
    make_operating_point()
    watchlist = make_watchlist(cast, people=0)
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.watchlist_admin)
    path = f"/watchlists/{watchlist.pk}/import/"
    page = client.get(path)
    token = page.cookies["csrftoken"].value
    files = {
        "table": SimpleUploadedFile("people.csv", _table({}, {"reference": "=N/2", "photographs": "no.jpg"})),
        "archive": SimpleUploadedFile("photographs.zip", _archive({"one.jpg": portrait_jpeg()}).getvalue()),
    }
    assert client.post(path, files).status_code == 403
    for upload in files.values():
        upload.seek(0)
    answer = client.post(path, {**files, "csrfmiddlewaretoken": token})
    assert answer.status_code == 302
    imports.work()
    page = client.get(answer.headers["Location"])
    assert "1 of 2 people can be added" in " ".join(page.content.decode().split())
    report = client.get(f"{answer.headers['Location']}report.csv").content.decode("utf-8-sig")
    assert [line["verdict"] for line in csv.DictReader(io.StringIO(report))] == ["Would be added", "Not added"]
    assert "'=N/2" in report
    bad = {"table": SimpleUploadedFile("people.csv", b"x"), "archive": SimpleUploadedFile("p.zip", b"x")}
    refused = client.post(path, {**bad, "csrfmiddlewaretoken": token})
    assert refused.status_code == 422
    assert "columns do not match the template" in refused.content.decode()


def test_a_small_face_in_an_import_is_refused_as_in_the_form(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    small = encode_jpeg(np.asarray(cv2.resize(portrait(), (96, 96), interpolation=cv2.INTER_AREA), np.uint8), 95)
    shown = _messages_of(_run(watchlist, _table({}), _archive({"one.jpg": small}), cast))
    assert shown["N/1"][0] == Verdict.WRONG


def _begun(cast: Cast, reference: str) -> Import:
    watchlist = make_watchlist(cast, people=0)
    archive = _archive({"one.jpg": portrait_jpeg()})
    return imports.begin(watchlist, _table({"reference": reference}), archive, actor=cast.watchlist_admin)


def test_a_failing_import_does_not_affect_others_and_is_cancelled_in_the_end(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = _begun(cast, "N/1"), _begun(cast, "N/2")
    reading = imports.read
    monkeypatch.setattr(imports, "read", lambda each: 1 / 0 if each == bad else reading(each))
    for failures in range(imports.PATIENCE):
        bad.refresh_from_db()
        assert (bad.state, bad.failures) == (State.READING, failures)
        imports.work()
        good.refresh_from_db()
        assert good.state == State.READY
    bad.refresh_from_db()
    assert bad.state == State.CANCELLED
    assert "failed repeatedly" in bad.rows.get().message
    assert not ImportPhotograph.objects.filter(row__of=bad).exists()


def test_an_import_of_a_user_who_has_left_is_cancelled(cast: Cast) -> None:
    imported = _begun(cast, "N/1")
    imports.work()
    imported.refresh_from_db()
    imports.confirm(imported, actor=cast.watchlist_admin)
    cast.watchlist_admin.is_active = False
    cast.watchlist_admin.save()
    imports.work()
    imported.refresh_from_db()
    assert (imported.state, Person.objects.count()) == (State.CANCELLED, 0)
    assert "can no longer add people" in imported.rows.get().message


def test_a_zip_of_too_many_files_is_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importfile, "MAX_ENTRIES", 2)
    archive = _archive({f"{number}.jpg": b"x" for number in range(3)})
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(BadFile, match="Split it"):
        PhotographArchive(archive)


def test_files_that_share_their_bytes_in_a_zip_are_refused() -> None:
    data = bytearray(_archive({"one.jpg": GREY, "two.jpg": GREY}).getvalue())
    second = data.rindex(b"PK\x01\x02")
    # The second entry points to the data of the first.
    data[second + 42 : second + 46] = (0).to_bytes(4, "little")
    with pytest.raises(BadFile, match="in the ZIP overlap"):
        PhotographArchive(io.BytesIO(bytes(data)))


def test_the_report_is_a_disclosure(cast: Cast) -> None:
    imported = _begun(cast, "N/1")
    client = Client()
    client.force_login(cast.watchlist_admin)
    client.get(f"/imports/{imported.pk}/report.csv")
    assert Entry.objects.latest("id").action == "import.exported"
