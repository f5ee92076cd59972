"""Views of an application: saving it as it is typed, checking it as a whole and submitting it."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from deployments import applications, taking_over
from deployments.forms import (
    PARTS,
    ApplicationForm,
    CameraFormSet,
    NewDeploymentForm,
    PeriodFormSet,
    drafts_of,
    periods_as_typed,
)
from deployments.models import Deployment, Period
from deployments.permissions import APPLY_DEPLOYMENT
from watchlists import thresholds


@require_http_methods(["GET", "POST"])
@permitted(APPLY_DEPLOYMENT)
def deployment_new(request: HttpRequest) -> HttpResponse:
    form = NewDeploymentForm(request.POST or None, earlier=Deployment.objects.visible_to(request.user))
    if form.is_valid():
        name, source = form.cleaned_data["name"], form.cleaned_data["taken_from"]
        if source is None:
            deployment = applications.create(actor=acting(request), name=name)
        else:
            deployment = taking_over.begin_from(source, actor=acting(request), name=name)
        return redirect("deployment-edit", deployment.id)
    return render(request, "deployments/new.html", {"form": form}, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
@permitted(APPLY_DEPLOYMENT)
def deployment_edit(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Show or save the application. The script, which saves as people type, is answered in JSON."""
    deployment = _deployment(request, deployment_id)
    if not deployment.is_editable:
        return redirect("deployment", deployment.id)
    if request.method == "POST":
        return _save(request, deployment)
    periods, cameras = periods_as_typed(deployment)
    return _application(
        request,
        deployment,
        ApplicationForm(instance=deployment),
        (PeriodFormSet(initial=periods, prefix="periods"), CameraFormSet(initial=cameras, prefix="cameras")),
    )


def _save(request: HttpRequest, deployment: Deployment) -> HttpResponse:
    form = ApplicationForm(request.POST, instance=Deployment(pk=deployment.pk))
    # If any period or camera is invalid, none is saved: which camera belongs to which period would be a guess.
    periods, cameras = PeriodFormSet(request.POST, prefix="periods"), CameraFormSet(request.POST, prefix="cameras")
    form.is_valid()
    both_valid = all([periods.is_valid(), cameras.is_valid()])
    try:
        applications.save_draft(
            deployment,
            form.given,
            drafts_of(periods, cameras) if both_valid else None,
            revision=_revision(request),
            actor=acting(request),
        )
    except Refused as refusal:
        form.add_error(None, str(refusal))
    is_right = both_valid and not form.errors
    if request.headers.get("Accept") == "application/json":
        return JsonResponse(_as_saved(deployment, form, periods, cameras), status=200 if is_right else 422)
    if is_right:
        messages.success(request, "Draft saved.")
        return redirect("deployment-edit" if "stay" in request.POST else "deployment", deployment.id)
    return _application(request, deployment, form, (periods, cameras), status=422)


def _as_saved(deployment: Deployment, form: ApplicationForm, periods: Any, cameras: Any) -> dict[str, Any]:
    errors = {name: [str(error) for error in found] for name, found in form.errors.items()}
    for formset in (periods, cameras):
        for each in formset:
            errors |= {each.add_prefix(name): [str(error) for error in found] for name, found in each.errors.items()}
    deployment.refresh_from_db()
    return {
        "revision": deployment.revision,
        "errors": errors,
        "problems": applications.problems_of(deployment),
        "ids": _ids(deployment, periods, cameras) if periods.is_valid() and cameras.is_valid() else {},
    }


def _ids(deployment: Deployment, periods: Any, cameras: Any) -> dict[str, str]:
    """Return the ids of the saved rows by form field, so that the next save changes these rows."""
    held = list(deployment.periods.prefetch_related("cameras"))
    found: dict[str, str] = {}
    rows: dict[int, Period] = {}
    for index, form in enumerate(periods):
        given = form.cleaned_data
        typed = (given.get("place", ""), given.get("starts_at"), given.get("ends_at"))
        for row in held:
            if row in rows.values():
                continue
            if row.pk == given.get("id") or (not given.get("id") and (row.place, row.starts_at, row.ends_at) == typed):
                rows[index], found[form.add_prefix("id")] = row, str(row.pk)
                break
    for form in cameras:
        period = rows.get(form.cleaned_data.get("period", -1))
        named = {camera.name: camera for camera in period.cameras.all()} if period is not None else {}
        camera = named.get(form.cleaned_data.get("name", ""))
        if camera is not None:
            found[form.add_prefix("id")] = str(camera.pk)
    return found


def _application(
    request: HttpRequest, deployment: Deployment, form: ApplicationForm, rows: tuple[Any, Any], *, status: int = 200
) -> HttpResponse:
    """Render the application. rows: the formsets of periods and cameras."""
    point = deployment.operating_point
    context = {
        "deployment": deployment,
        "form": form,
        "parts": [(title, form.section(*names)) for title, names in PARTS],
        "periods": rows[0],
        "cameras": rows[1],
        "held": list(deployment.periods.prefetch_related("cameras")),
        "problems": applications.problems_of(deployment),
        "taken_over": taking_over.unchanged(deployment),
        "taken_over_periods": taking_over.unchanged_periods(deployment),
        "allowed": (deployment.footfall or 0) / settings.LFR_FACES_A_FALSE_ALERT,
        "outlook": thresholds.outlook(point, deployment.list_size_asked or 1, deployment.footfall or 0)
        if point
        else None,
    }
    return render(request, "deployments/edit.html", context, status=status)


@require_POST
@permitted(APPLY_DEPLOYMENT)
def deployment_submit(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    applications.submit(_deployment(request, deployment_id), revision=_revision(request), actor=acting(request))
    messages.success(request, "Application submitted. An authorising officer will decide on it.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(APPLY_DEPLOYMENT)
def deployment_withdraw(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    applications.withdraw(_deployment(request, deployment_id), actor=acting(request))
    messages.info(request, "Application withdrawn. You can change it again.")
    return redirect("deployment", deployment_id)


def _deployment(request: HttpRequest, deployment_id: uuid.UUID) -> Deployment:
    visible = Deployment.objects.visible_to(request.user).select_related("operating_point__calibration")
    return get_object_or_404(visible, pk=deployment_id)


def _revision(request: HttpRequest) -> int:
    text = request.POST.get("revision", "")
    if not text.isdecimal() or len(text) > 9:
        raise Refused("The page did not say which version of the application you saw. Open the application again.")
    return int(text)
