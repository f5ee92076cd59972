"""A list owns its people and photographs, which are encrypted with its own key; what is left of it has tables.

Photographs of before were kept in the clear, and stand in the database's files until those are rewritten: they are not
carried over. An installation that holds people finishes with them first.
"""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import pgvector.django.vector
from django.conf import settings
from django.db import migrations, models


def refuse_people_of_before(apps, schema_editor):
    if apps.get_model("watchlists", "Person").objects.exists():
        raise RuntimeError(
            "This database holds people of the version before, whose photographs are not encrypted. End its deployments "
            "and let their lists be destroyed with that version first. (A demonstration: make demo-reset)"
        )


# The planner's samples of a column would keep names and vectors of people who were destroyed.
NO_SAMPLES = {
    "watchlists_person": (
        "reference name date_of_birth offence authority expected_action look_alikes rationale minor_rationale"
    ),
    "watchlists_photograph": "encrypted sha256 lawful_hold",
    "watchlists_template": "embedding second",
    "watchlists_sealedtemplate": "embedding",
    "watchlists_flag": "detail reason",
    "watchlists_hold": "reason",
    "watchlists_importrow": "reference values message",
    "watchlists_importphotograph": "name encrypted sha256 problem reading embedding second",
}
SAMPLES = "ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS {target};"


class Migration(migrations.Migration):
    dependencies = [
        ("watchlists", "0004_templates_bound_to_their_engine"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(refuse_people_of_before, migrations.RunPython.noop),
        migrations.CreateModel(
            name="Certificate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("issued_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("people", models.PositiveIntegerField()),
                ("photographs", models.PositiveIntegerField()),
                ("templates", models.PositiveIntegerField()),
                ("held", models.PositiveIntegerField(default=0)),
                ("sealed_hash", models.CharField(blank=True, max_length=64)),
                ("key_fingerprint", models.CharField(max_length=64)),
                ("ledger_hash", models.CharField(max_length=64)),
                ("sha256", models.CharField(max_length=64)),
                ("scrubbed_at", models.DateTimeField(null=True)),
                ("log_removed", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ("-issued_at",),
            },
        ),
        migrations.CreateModel(
            name="Flag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("old_photograph", "Old photograph"),
                            ("poor_quality", "Poor photograph"),
                            ("same_person", "May be the same person as another entry"),
                            ("look_alike", "Looks like somebody else on file"),
                        ],
                        max_length=16,
                    ),
                ),
                ("detail", models.CharField(max_length=400)),
                ("raised_at", models.DateTimeField(auto_now_add=True)),
                ("reason", models.CharField(blank=True, max_length=400)),
                ("accepted_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("person", "pk"),
            },
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=400)),
                ("review_on", models.DateField()),
                ("placed_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ("review_on",),
            },
        ),
        migrations.CreateModel(
            name="Import",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("reading", "Being read"),
                            ("ready", "Ready to import"),
                            ("importing", "Being imported"),
                            ("done", "Imported"),
                            ("cancelled", "Given up"),
                        ],
                        default="reading",
                        max_length=12,
                    ),
                ),
                ("unused", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="ImportPhotograph",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=300)),
                ("encrypted", models.BinaryField()),
                ("sha256", models.CharField(max_length=64)),
                ("is_read", models.BooleanField(default=False)),
                ("problem", models.CharField(blank=True, max_length=400)),
                ("reading", models.JSONField(null=True)),
                ("embedding", pgvector.django.vector.VectorField(null=True)),
                ("second", pgvector.django.vector.VectorField(null=True)),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="ImportRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("line", models.PositiveIntegerField()),
                ("reference", models.CharField(max_length=200)),
                ("values", models.JSONField()),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("pending", "Not read yet"),
                            ("good", "Would be added"),
                            ("warn", "Would be added, with flags"),
                            ("wrong", "Not added"),
                            ("added", "Added"),
                        ],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("message", models.TextField(blank=True)),
            ],
            options={
                "ordering": ("line",),
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("pseudonym", models.CharField(db_index=True, max_length=64)),
                (
                    "category",
                    models.CharField(
                        choices=[
                            ("wanted", "Wanted by the courts"),
                            ("suspect", "Suspected of an offence"),
                            ("restricted", "Subject to bail conditions or a court order"),
                            ("missing", "Missing and at increased risk of harm"),
                            ("risk", "Poses a risk of harm to self or others"),
                            ("associate", "Associate of a person in the categories above"),
                            ("witness", "Witness"),
                            ("victim", "Victim"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "legal_basis",
                    models.CharField(
                        choices=[
                            ("warrant", "Warrant of arrest"),
                            ("recall", "Recall to prison, or unlawfully at large"),
                            ("arrest", "Power of arrest without warrant (PACE 1984, section 24)"),
                            ("order", "Enforcement of bail conditions or a court order"),
                            ("life", "Common law duty to protect life"),
                            ("crime", "Common law duty to prevent and detect crime"),
                        ],
                        max_length=12,
                    ),
                ),
                ("listed_on", models.DateField()),
                ("removed_on", models.DateField()),
            ],
            options={
                "verbose_name_plural": "ledger entries",
            },
        ),
        migrations.RemoveField(
            model_name="watchlistentry",
            name="added_by",
        ),
        migrations.RemoveField(
            model_name="watchlistentry",
            name="person",
        ),
        migrations.RemoveField(
            model_name="watchlistentry",
            name="watchlist",
        ),
        migrations.AlterModelOptions(
            name="watchlist",
            options={
                "ordering": ("-created_at",),
                "permissions": (
                    ("compile_watchlist", "Can add people and compile watchlists"),
                    ("authorise_watchlist", "Can approve, return and reject watchlists"),
                    ("hold_evidence", "Can keep an entry from destruction as evidence"),
                    ("search_ledger", "Can answer whether somebody was on a list, and see destructions"),
                ),
            },
        ),
        migrations.RemoveField(
            model_name="person",
            name="reason",
        ),
        migrations.RemoveField(
            model_name="photograph",
            name="jpeg",
        ),
        migrations.AddField(
            model_name="person",
            name="age",
            field=models.CharField(
                blank=True,
                choices=[("adult", "18 or over"), ("minor", "Under 18")],
                default="",
                max_length=8,
                verbose_name="age, if the date of birth is not known",
            ),
        ),
        migrations.AddField(
            model_name="person",
            name="authority",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Number, court and date, where there is one.",
                max_length=200,
                verbose_name="warrant or order",
            ),
        ),
        migrations.AddField(
            model_name="person",
            name="current_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="person",
            name="current_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="person",
            name="date_of_birth",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="person",
            name="expected_action",
            field=models.CharField(
                default="",
                help_text="What the engagement officer is to do once the person is identified.",
                max_length=200,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="person",
            name="expires_on",
            field=models.DateField(blank=True, null=True, verbose_name="to be looked for until"),
        ),
        migrations.AddField(
            model_name="person",
            name="legal_basis",
            field=models.CharField(
                choices=[
                    ("warrant", "Warrant of arrest"),
                    ("recall", "Recall to prison, or unlawfully at large"),
                    ("arrest", "Power of arrest without warrant (PACE 1984, section 24)"),
                    ("order", "Enforcement of bail conditions or a court order"),
                    ("life", "Common law duty to protect life"),
                    ("crime", "Common law duty to prevent and detect crime"),
                ],
                default="",
                max_length=12,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="person",
            name="look_alikes",
            field=models.CharField(
                blank=True,
                default="",
                help_text="A twin, a brother, anybody known to be mistaken for them.",
                max_length=300,
                verbose_name="relatives and look-alikes",
            ),
        ),
        migrations.AddField(
            model_name="person",
            name="markers",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("weapons", "Weapons"),
                        ("violent", "Violent"),
                        ("escaper", "May run"),
                        ("self_harm", "Self-harm"),
                        ("vulnerable", "Vulnerable"),
                        ("health", "Medical condition"),
                    ],
                    max_length=12,
                ),
                blank=True,
                default=list,
                size=None,
                verbose_name="risk markers",
            ),
        ),
        migrations.AddField(
            model_name="person",
            name="minor_accepted_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="person",
            name="minor_rationale",
            field=models.TextField(
                blank=True,
                default="",
                help_text="Why this child must be looked for in this way: the harm, and what else was considered.",
                verbose_name="rationale for somebody under 18",
            ),
        ),
        migrations.AddField(
            model_name="person",
            name="offence",
            field=models.CharField(
                default="", help_text="What the person is sought for.", max_length=300, verbose_name="offence or harm"
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="person",
            name="rationale",
            field=models.TextField(
                blank=True,
                default="",
                help_text="Why an associate, a witness or a victim must be looked for in this way.",
            ),
        ),
        migrations.AddField(
            model_name="person",
            name="revision",
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name="person",
            name="tier",
            field=models.CharField(
                choices=[
                    ("red", "Red: immediate response"),
                    ("amber", "Amber: arrest or enforce"),
                    ("green", "Green: identify only"),
                ],
                default="",
                max_length=8,
                verbose_name="response",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="person",
            name="watchlist",
            field=models.ForeignKey(
                default=None,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="people",
                to="watchlists.watchlist",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="photograph",
            name="encrypted",
            field=models.BinaryField(default=b""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="photograph",
            name="key_name",
            field=models.CharField(default="", max_length=60),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="photograph",
            name="lawful_hold",
            field=models.CharField(default="", help_text="Why the force may hold this photograph.", max_length=200),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="photograph",
            name="quality",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="photograph",
            name="source",
            field=models.CharField(
                choices=[
                    ("custody", "Custody photograph"),
                    ("police", "Other police photograph"),
                    ("partner", "Another force or agency"),
                    ("camera", "CCTV or body-worn video"),
                    ("family", "Family or carers"),
                    ("published", "Openly published"),
                    ("passport", "Passport"),
                    ("licence", "Driving licence"),
                ],
                default="",
                max_length=12,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="photograph",
            name="taken_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="watchlist",
            name="checked_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="watchlist",
            name="expires_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="watchlist",
            name="policy",
            field=models.CharField(default="", editable=False, max_length=20, verbose_name="policy version"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="watchlist",
            name="replaces",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="versions",
                to="watchlists.watchlist",
            ),
        ),
        migrations.AddField(
            model_name="watchlist",
            name="size_reason",
            field=models.TextField(blank=True, editable=False),
        ),
        migrations.AddField(
            model_name="watchlist",
            name="under_18",
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="watchlist",
            name="version",
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AlterField(
            model_name="person",
            name="added_by",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="person",
            name="reference",
            field=models.CharField(
                help_text="The person's number in the force's records system.",
                max_length=40,
                verbose_name="nominal reference",
            ),
        ),
        migrations.AlterField(
            model_name="photograph",
            name="sha256",
            field=models.CharField(help_text="Of the JPEG, before its encryption.", max_length=64),
        ),
        migrations.AlterField(
            model_name="watchlist",
            name="state",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("returned", "Returned"),
                    ("compiled", "Compiled"),
                    ("checked", "Awaiting approval"),
                    ("authorised", "Approved"),
                    ("sealed", "Sealed"),
                    ("live", "Live"),
                    ("closed", "Closed"),
                    ("rejected", "Rejected"),
                    ("expired", "Expired"),
                    ("superseded", "Superseded"),
                    ("destroyed", "Destroyed"),
                ],
                default="draft",
                editable=False,
                max_length=12,
            ),
        ),
        migrations.AddIndex(
            model_name="person",
            index=models.Index(fields=["watchlist", "name"], name="watchlists__watchli_7e59a3_idx"),
        ),
        migrations.AddIndex(
            model_name="person",
            index=models.Index(fields=["watchlist", "category"], name="watchlists__watchli_3f71c1_idx"),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.UniqueConstraint(fields=("watchlist", "reference"), name="once_on_a_watchlist"),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("category__in", ("associate", "witness", "victim")), _negated=True),
                    models.Q(("rationale", ""), _negated=True),
                    _connector="OR",
                ),
                name="exceptional_has_rationale",
            ),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("date_of_birth__isnull", False), models.Q(("age", ""), _negated=True), _connector="OR"
                ),
                name="age_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="photograph",
            constraint=models.CheckConstraint(
                condition=models.Q(("source__in", ("passport", "licence")), _negated=True), name="lawful_source"
            ),
        ),
        migrations.AddConstraint(
            model_name="photograph",
            constraint=models.UniqueConstraint(fields=("person", "sha256"), name="photograph_once_a_person"),
        ),
        migrations.AddField(
            model_name="certificate",
            name="watchlist",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="certificate", to="watchlists.watchlist"
            ),
        ),
        migrations.AddField(
            model_name="flag",
            name="accepted_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="flag",
            name="other",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="watchlists.photograph"
            ),
        ),
        migrations.AddField(
            model_name="flag",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="flags", to="watchlists.person"
            ),
        ),
        migrations.AddField(
            model_name="flag",
            name="photograph",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="watchlists.photograph"
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="owner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="person",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="hold", to="watchlists.person"
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="created_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="engine",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="watchlists.engine"
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="watchlist",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="imports", to="watchlists.watchlist"
            ),
        ),
        migrations.AddField(
            model_name="importrow",
            name="of",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="rows", to="watchlists.import"
            ),
        ),
        migrations.AddField(
            model_name="importphotograph",
            name="row",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="photographs", to="watchlists.importrow"
            ),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="watchlist",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="ledger", to="watchlists.watchlist"
            ),
        ),
        migrations.DeleteModel(
            name="WatchlistEntry",
        ),
        migrations.AddConstraint(
            model_name="flag",
            constraint=models.UniqueConstraint(fields=("person", "kind", "photograph", "other"), name="flagged_once"),
        ),
        migrations.AddConstraint(
            model_name="importrow",
            constraint=models.UniqueConstraint(fields=("of", "line"), name="line_once_an_import"),
        ),
        migrations.AddIndex(
            model_name="importphotograph",
            index=models.Index(fields=["row", "is_read"], name="watchlists__row_id_46353d_idx"),
        ),
        *(
            migrations.RunSQL(
                SAMPLES.format(table=table, column=f'"{column}"', target=0),
                SAMPLES.format(table=table, column=f'"{column}"', target="DEFAULT"),
            )
            for table, columns in NO_SAMPLES.items()
            for column in columns.split()
        ),
    ]
