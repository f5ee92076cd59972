"""Applications, periods, readiness, the recognition test, documents. What was there is moved by the next."""

import uuid

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0001_deployments"),
        ("watchlists", "0007_blue_lists_and_thresholds"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("authorised", "Authorised"),
                            ("returned", "Returned"),
                            ("refused", "Refused"),
                            ("reviewed", "Urgent authority confirmed"),
                            ("ended", "Authority ended"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "rank",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("constable", "Constable"),
                            ("sergeant", "Sergeant"),
                            ("inspector", "Inspector"),
                            ("chief_inspector", "Chief Inspector"),
                            ("superintendent", "Superintendent"),
                            ("chief_super", "Chief Superintendent"),
                            ("acc", "Assistant Chief Constable"),
                        ],
                        max_length=16,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("reason", models.TextField()),
                ("conditions", models.TextField(blank=True)),
            ],
            options={
                "ordering": ("at", "pk"),
            },
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("authority", "Written Authority Document"), ("cancellation", "Cancellation Report")],
                        max_length=12,
                    ),
                ),
                ("pdf", models.BinaryField()),
                ("sha256", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("made_at", "pk"),
            },
        ),
        migrations.CreateModel(
            name="Kit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("description", models.CharField(max_length=200)),
                ("serial", models.CharField(max_length=80, verbose_name="serial or asset number")),
                ("lender", models.CharField(max_length=120)),
                ("received_at", models.DateTimeField()),
                ("returned_at", models.DateTimeField(null=True)),
                ("witness", models.CharField(blank=True, max_length=120)),
                (
                    "wiping",
                    models.CharField(blank=True, help_text="What was wiped, and how it was checked.", max_length=300),
                ),
            ],
            options={
                "ordering": ("received_at", "pk"),
            },
        ),
        migrations.CreateModel(
            name="Pass",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("before_live", models.BooleanField()),
            ],
            options={
                "verbose_name_plural": "passes",
                "ordering": ("at",),
            },
        ),
        migrations.CreateModel(
            name="Period",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "place",
                    models.CharField(
                        blank=True, help_text="Street, town, and between which points people are seen.", max_length=200
                    ),
                ),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="start")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="end")),
                ("plan_jpeg", models.BinaryField(null=True)),
                ("list_size", models.PositiveIntegerField(default=0, editable=False)),
                ("briefed_at", models.DateTimeField(editable=False, null=True)),
                ("briefing", models.CharField(blank=True, editable=False, max_length=400)),
                ("officers_present", models.PositiveSmallIntegerField(editable=False, null=True)),
                ("clock_checked_at", models.DateTimeField(editable=False, null=True)),
                ("clock_offset_ms", models.IntegerField(editable=False, null=True)),
                ("test_until", models.DateTimeField(editable=False, null=True)),
                ("went_live_at", models.DateTimeField(editable=False, null=True)),
                ("ended_at", models.DateTimeField(editable=False, null=True)),
                ("alerts_raised", models.PositiveIntegerField(default=0, editable=False)),
                ("alerts_open", models.PositiveIntegerField(default=0, editable=False)),
                ("alerts_false", models.PositiveIntegerField(default=0, editable=False)),
            ],
            options={
                "ordering": ("starts_at", "pk"),
            },
        ),
        migrations.CreateModel(
            name="Sighting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ("at",),
            },
        ),
        migrations.CreateModel(
            name="Sign",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.CharField(max_length=200)),
                ("put_up_at", models.DateTimeField()),
                ("photograph", models.BinaryField()),
            ],
            options={
                "ordering": ("put_up_at",),
            },
        ),
        migrations.CreateModel(
            name="ThresholdChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "evidence",
                    models.TextField(help_text="What shows that the present threshold is wrong for this place."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("proposed", "Proposed"), ("approved", "Approved"), ("rejected", "Rejected")],
                        default="proposed",
                        max_length=12,
                    ),
                ),
                ("proposed_at", models.DateTimeField(auto_now_add=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decision_reason", models.TextField(blank=True)),
            ],
            options={
                "ordering": ("proposed_at", "pk"),
            },
        ),
        migrations.AlterModelOptions(
            name="deployment",
            options={
                "ordering": ("-created_at",),
                "permissions": (
                    ("apply_deployment", "Can draft deployments and submit them for authority"),
                    (
                        "authorise_deployment",
                        "Can authorise, return, refuse and close deployments, as their rank allows",
                    ),
                    ("run_deployment", "Can make deployments ready, start, resume and end them"),
                    ("halt_deployment", "Can pause and stop deployments"),
                    ("manage_cameras", "Can set cameras up: zones, tokens, loaned equipment"),
                    ("operate_camera", "Can stream a camera and note passes of the blue list"),
                    ("read_records", "Can read and download deployment records"),
                ),
            },
        ),
        migrations.RemoveConstraint(
            model_name="deployment",
            name="live_only_under_authority",
        ),
        migrations.AddField(
            model_name="camera",
            name="brightness_now",
            field=models.FloatField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="camera",
            name="dropped_now",
            field=models.FloatField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="camera",
            name="frame_rate",
            field=models.PositiveSmallIntegerField(
                default=5,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(30)],
                verbose_name="frames a second, at most",
            ),
        ),
        migrations.AddField(
            model_name="camera",
            name="latency_now_ms",
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="camera",
            name="plan_mark",
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AddField(
            model_name="camera",
            name="rate_now",
            field=models.FloatField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="camera",
            name="sharpness_now",
            field=models.FloatField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="camera",
            name="zone",
            field=models.JSONField(default=list, editable=False),
        ),
        migrations.AddField(
            model_name="deployment",
            name="alternatives",
            field=models.TextField(
                blank=True,
                help_text="What else was thought of or tried, and why not that.",
                verbose_name="less intrusive means considered",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="article_10",
            field=models.TextField(blank=True, verbose_name="Article 10: expression"),
        ),
        migrations.AddField(
            model_name="deployment",
            name="article_11",
            field=models.TextField(blank=True, verbose_name="Article 11: assembly"),
        ),
        migrations.AddField(
            model_name="deployment",
            name="article_8",
            field=models.TextField(blank=True, verbose_name="Article 8: private life"),
        ),
        migrations.AddField(
            model_name="deployment",
            name="authorised_rank",
            field=models.CharField(
                blank=True,
                choices=[
                    ("constable", "Constable"),
                    ("sergeant", "Sergeant"),
                    ("inspector", "Inspector"),
                    ("chief_inspector", "Chief Inspector"),
                    ("superintendent", "Superintendent"),
                    ("chief_super", "Chief Superintendent"),
                    ("acc", "Assistant Chief Constable"),
                ],
                editable=False,
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="authority_ends_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="deployment",
            name="closed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="deployment",
            name="collateral",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("school", "School, nursery or playground"),
                        ("worship", "Place of worship"),
                        ("clinic", "Hospital, clinic or surgery"),
                        ("legal", "Solicitors, court or advice centre"),
                        ("protest", "Protest or assembly expected"),
                        ("minors", "Many under 18 expected"),
                    ],
                    max_length=12,
                ),
                blank=True,
                default=list,
                size=None,
                verbose_name="near the cameras",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="collateral_measures",
            field=models.TextField(
                blank=True,
                help_text="For each of the above.",
                verbose_name="collateral intrusion, and what is done about it",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="community_impact",
            field=models.TextField(blank=True, verbose_name="community impact assessment"),
        ),
        migrations.AddField(
            model_name="deployment",
            name="conditions",
            field=models.TextField(blank=True, editable=False),
        ),
        migrations.AddField(
            model_name="deployment",
            name="controller",
            field=models.CharField(blank=True, help_text="The force that answers for the data.", max_length=120),
        ),
        migrations.AddField(
            model_name="deployment",
            name="dpia_version",
            field=models.CharField(blank=True, max_length=60, verbose_name="DPIA in force (version)"),
        ),
        migrations.AddField(
            model_name="deployment",
            name="end_code",
            field=models.CharField(
                blank=True,
                choices=[
                    ("done", "Objective met"),
                    ("end_of_period", "End of the period"),
                    ("authority", "Authority ended"),
                    ("response", "Too few officers to respond"),
                    ("fault", "Technical fault"),
                    ("false_alerts", "False alerts above the ceiling"),
                    ("recognition", "Recognition rate below the floor"),
                    ("signage", "Signs missing or down"),
                    ("incident", "Critical incident"),
                    ("community", "Community tension"),
                    ("breach", "Data breach"),
                    ("clock", "Clock not to be trusted"),
                    ("list", "Watchlist no longer valid"),
                    ("weather", "Weather or light"),
                ],
                editable=False,
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="equality_version",
            field=models.CharField(
                blank=True, max_length=60, verbose_name="equality impact assessment in force (version)"
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="footfall",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="People who will pass the cameras over the whole deployment.",
                null=True,
                verbose_name="faces expected",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="governed_from_faces",
            field=models.PositiveBigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="deployment",
            name="governed_from_false",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="deployment",
            name="intelligence_expires_on",
            field=models.DateField(blank=True, null=True, verbose_name="intelligence holds until"),
        ),
        migrations.AddField(
            model_name="deployment",
            name="intelligence_reference",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="deployment",
            name="is_urgent",
            field=models.BooleanField(
                default=False,
                help_text="An Inspector may authorise; a Superintendent must review it in time, or it ends.",
                verbose_name="urgent",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="lender",
            field=models.CharField(
                blank=True,
                help_text="Empty when it is the force's own.",
                max_length=120,
                verbose_name="equipment lent by",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="list_criteria",
            field=models.TextField(
                blank=True, help_text="Who is to be on it, and who is not.", verbose_name="criteria of the watchlist"
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="list_size_asked",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="people on the list, at most"),
        ),
        migrations.AddField(
            model_name="deployment",
            name="notice",
            field=models.CharField(blank=True, editable=False, max_length=300),
        ),
        migrations.AddField(
            model_name="deployment",
            name="notified_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="deployment",
            name="objective",
            field=models.TextField(blank=True, verbose_name="policing objective"),
        ),
        migrations.AddField(
            model_name="deployment",
            name="officers_planned",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Cameras pause when there are fewer.",
                null=True,
                verbose_name="officers to respond, at least",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="review",
            field=models.TextField(blank=True, editable=False),
        ),
        migrations.AddField(
            model_name="deployment",
            name="review_due_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="deployment",
            name="revision",
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name="deployment",
            name="signage_plan",
            field=models.TextField(
                blank=True,
                help_text="Where signs will stand, what notice is given beforehand, and how.",
                verbose_name="signs and notice",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="submitted_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="deployment",
            name="threshold_reason",
            field=models.TextField(blank=True, verbose_name="why this threshold"),
        ),
        migrations.AddField(
            model_name="deployment",
            name="urgent_reason",
            field=models.TextField(blank=True, verbose_name="why it cannot wait"),
        ),
        migrations.AddField(
            model_name="deployment",
            name="use_case",
            field=models.CharField(
                blank=True,
                choices=[
                    ("hotspot", "Crime hotspot"),
                    ("missing", "Missing person hotspot"),
                    ("infrastructure", "Protective security: critical national infrastructure"),
                    ("event", "Protective security: event"),
                    ("intelligence", "Specific intelligence on where somebody is"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="why_here",
            field=models.TextField(
                blank=True,
                help_text="What links the people on the list to this place: hot spot figures, sightings, an event.",
            ),
        ),
        migrations.AddField(
            model_name="deployment",
            name="why_now",
            field=models.TextField(blank=True),
        ),
        migrations.AlterField(
            model_name="camera",
            name="smallest_face",
            field=models.PositiveSmallIntegerField(
                default=32,
                help_text="Width below which a face is not looked at.",
                validators=[
                    django.core.validators.MinValueValidator(16),
                    django.core.validators.MaxValueValidator(400),
                ],
                verbose_name="smallest face (pixels)",
            ),
        ),
        migrations.AlterField(
            model_name="deployment",
            name="applicant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="deployment",
            name="end_reason",
            field=models.CharField(blank=True, editable=False, max_length=400),
        ),
        migrations.AlterField(
            model_name="deployment",
            name="operating_point",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="watchlists.operatingpoint",
                verbose_name="threshold asked for",
            ),
        ),
        migrations.AlterField(
            model_name="deployment",
            name="state",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("submitted", "Awaiting authority"),
                    ("returned", "Returned"),
                    ("authorised", "Authorised"),
                    ("refused", "Refused"),
                    ("notified", "Public notice given"),
                    ("ready", "Ready"),
                    ("live", "Live"),
                    ("paused", "Paused"),
                    ("ended", "Ended"),
                    ("stopped", "Stopped"),
                    ("review", "In review"),
                    ("closed", "Closed"),
                    ("results_published", "Results published"),
                    ("cancelled", "Cancelled"),
                    ("auth_expired", "Authority expired"),
                ],
                default="draft",
                editable=False,
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="deployment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="decisions", to="deployments.deployment"
            ),
        ),
        migrations.AddField(
            model_name="document",
            name="deployment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="documents", to="deployments.deployment"
            ),
        ),
        migrations.AddField(
            model_name="kit",
            name="deployment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="kit", to="deployments.deployment"
            ),
        ),
        migrations.AddField(
            model_name="kit",
            name="received_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="kit",
            name="returned_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="pass",
            name="camera",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="passes", to="deployments.camera"
            ),
        ),
        migrations.AddField(
            model_name="pass",
            name="person",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="watchlists.person"
            ),
        ),
        migrations.AddField(
            model_name="pass",
            name="tapped_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="period",
            name="blue_list",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="blue_periods",
                to="watchlists.watchlist",
            ),
        ),
        migrations.AddField(
            model_name="period",
            name="briefed_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="period",
            name="deployment",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="periods",
                to="deployments.deployment",
            ),
        ),
        migrations.AddField(
            model_name="period",
            name="watchlist",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="periods",
                to="watchlists.watchlist",
            ),
        ),
        migrations.AddField(
            model_name="camera",
            name="period",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="cameras",
                to="deployments.period",
            ),
        ),
        migrations.AddField(
            model_name="sighting",
            name="camera",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="sightings", to="deployments.camera"
            ),
        ),
        migrations.AddField(
            model_name="sighting",
            name="person",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="watchlists.person"
            ),
        ),
        migrations.AddField(
            model_name="pass",
            name="sighting",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="of_pass",
                to="deployments.sighting",
            ),
        ),
        migrations.AddField(
            model_name="sign",
            name="period",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="signs", to="deployments.period"
            ),
        ),
        migrations.AddField(
            model_name="sign",
            name="recorded_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="thresholdchange",
            name="after",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="watchlists.operatingpoint"
            ),
        ),
        migrations.AddField(
            model_name="thresholdchange",
            name="before",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="watchlists.operatingpoint"
            ),
        ),
        migrations.AddField(
            model_name="thresholdchange",
            name="decided_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="thresholdchange",
            name="deployment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="threshold_changes",
                to="deployments.deployment",
            ),
        ),
        migrations.AddField(
            model_name="thresholdchange",
            name="proposed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="sighting",
            index=models.Index(fields=["camera", "at"], name="deployments_camera__86b4f2_idx"),
        ),
        migrations.AddIndex(
            model_name="pass",
            index=models.Index(fields=["camera", "at"], name="deployments_camera__cfdcd8_idx"),
        ),
    ]
