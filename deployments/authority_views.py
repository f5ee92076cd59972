"""Views of the signed authority: the terms, whether they still hold, and the file that can be verified anywhere."""

from __future__ import annotations

import json
import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core import signing
from core.errors import Refused
from core.permissions import acting, permitted
from deployments import amendments, executable
from deployments.amendment_forms import WidenForm
from deployments.models import Camera, Deployment, SignedAuthority
from deployments.permissions import AUTHORISE_DEPLOYMENT, VIEW_DEPLOYMENT


@require_GET
@permitted(VIEW_DEPLOYMENT)
def authority_page(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Show the authority in force, verified, and compared with the records."""
    deployment = get_object_or_404(Deployment.objects.visible_to(request.user), pk=deployment_id)
    signed = executable.latest(deployment)
    problem, differing = "", []
    if signed is not None:
        try:
            executable.verify(signed)
            differing = executable.drift(signed)
        except executable.NotVerified as found:
            problem = str(found)
    context = {
        "deployment": deployment,
        "signed": signed,
        "document": json.dumps(signed.document, indent=2, ensure_ascii=False) if signed is not None else "",
        "problem": problem,
        "differing": differing,
        "versions": deployment.authorities.defer("content", "signature").order_by("-version"),
    }
    return render(request, "deployments/authority.html", context)


@require_GET
@permitted(VIEW_DEPLOYMENT)
def authority_file(request: HttpRequest, deployment_id: uuid.UUID, version: int) -> HttpResponse:
    """Return one version with its signature and public key, for `manage.py verify_authority` or any other program."""
    visible = Deployment.objects.visible_to(request.user)
    signed = get_object_or_404(SignedAuthority, deployment__in=visible, deployment=deployment_id, version=version)
    answer = JsonResponse(executable.envelope(signed), json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer["Content-Disposition"] = f'attachment; filename="authority-{signed.sha256[:12]}.json"'
    return answer


@require_GET
@login_not_required
def authority_key(request: HttpRequest) -> HttpResponse:
    """Return the public keys that authorities are signed with. Anybody may read them."""
    keys = [
        {"key_id": name, "ed25519": public.hex()} for name, public in signing.public_keys(signing.AUTHORITY).items()
    ]
    return JsonResponse({"keys": keys})


@require_POST
@permitted(AUTHORISE_DEPLOYMENT)
def camera_widen(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Let a camera look at more than was authorised, by a signed amendment."""
    deployment = get_object_or_404(Deployment.objects.visible_to(request.user), pk=deployment_id)
    form = WidenForm(request.POST, cameras=Camera.objects.filter(period__deployment=deployment))
    if not form.is_valid():
        raise Refused("Select the camera, and enter the minimum face width and the reason.")
    given = form.cleaned_data
    amendments.widen_camera(
        given["camera"], smallest_face=given["smallest_face"], reason=given["reason"], actor=acting(request)
    )
    messages.success(request, "Authority amended and signed. The recognition test must be repeated.")
    return redirect("deployment", deployment_id)
