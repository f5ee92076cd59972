"""A change of engine: photographs are read again, and templates of two engines are never compared."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from audit.models import Entry
from core import keys
from core.errors import Refused
from recognition.engine import EngineIdentity
from recognition.imaging import encode_jpeg
from tests.cast import Cast, make_sealed_watchlist, make_watchlist, portrait_enrolment, still_sought
from watchlists import approval, engines, operations, reenrolment
from watchlists.models import Engine, Photograph, SealedTemplate, Template
from watchlists.seal import content_hash

OTHER = EngineIdentity("Other", "0" * 64, "other-v1", 128, "Second", "1" * 64, 128)


def _as_if_read_by_another() -> Engine:
    other = engines.register_engine(OTHER)
    Template.objects.update(engine=other)
    return other


def _reenrol(**options: bool) -> str:
    output = io.StringIO()
    call_command("reenrol", stdout=output, **options)
    return output.getvalue()


def test_photographs_are_read_again_by_the_current_engine(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=2)
    _as_if_read_by_another()
    operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)
    still_sought(watchlist, cast.watchlist_admin)
    with pytest.raises(Refused, match="People without a photograph read by the present engine: 2"):
        operations.check_watchlist(watchlist, actor=cast.watchlist_admin)
    assert "2 photographs have not been read" in _reenrol(dry_run=True)
    assert reenrolment.unread().count() == 2
    assert "2 of 2 photographs (100%)" in _reenrol()
    assert reenrolment.unread().count() == 0
    assert "0 photographs have not been read" in _reenrol()
    again = Template.objects.filter(engine=engines.current_engine())
    assert again.count() == 2
    for template in again:
        # Read from the stored JPEG with the chosen face: both are the portrait.
        assert float(template.of_engine.embedding @ portrait_enrolment().template.embedding) > 0.999
    entry = Entry.objects.in_order().last()
    assert entry is not None
    assert (entry.action, entry.data["photographs"]) == ("engine.photographs_read_again", 2)
    operations.check_watchlist(watchlist, actor=cast.watchlist_admin)
    seen = content_hash(watchlist)
    approval.authorise_watchlist(watchlist, actor=cast.authority, reason="Necessary", seen=seen)
    assert watchlist.engine == engines.current_engine()


def test_a_photograph_without_the_enrolled_face_stays_unread(cast: Cast) -> None:
    make_watchlist(cast, people=2)
    _as_if_read_by_another()
    blank = Photograph.objects.first()
    assert blank is not None
    jpeg = encode_jpeg(np.full((300, 300, 3), 90, np.uint8))
    encrypted, sha256 = keys.encrypted(blank.key_name, jpeg), hashlib.sha256(jpeg).hexdigest()
    Photograph.objects.filter(pk=blank.pk).update(encrypted=encrypted, sha256=sha256)
    text = _reenrol()
    assert "does not find the enrolled face on 1 photographs" in text
    assert list(reenrolment.unread()) == [blank]


@pytest.mark.parametrize("column", ["embedding", "second"])
def test_a_template_of_another_length_is_refused_by_the_database(cast: Cast, column: str) -> None:
    make_watchlist(cast)
    template = Template.objects.get()
    with pytest.raises(IntegrityError, match="of_its_engine"), transaction.atomic():
        Template.objects.filter(pk=template.pk).update(**{column: np.ones(512, np.float32)})
        connection.check_constraints()


def test_a_sealed_list_holds_templates_of_its_own_engine_only(cast: Cast) -> None:
    watchlist = make_sealed_watchlist(cast)
    other = engines.register_engine(OTHER)
    assert watchlist.engine != other
    with pytest.raises(IntegrityError, match="sealedtemplate_of_its_lists_engine"), transaction.atomic():
        SealedTemplate.objects.filter(watchlist=watchlist).update(engine=other)
        connection.check_constraints()
