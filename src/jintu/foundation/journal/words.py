"""Acts as people call them; an act of a later part that has no word here is shown by its code."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

__all__ = ["act_label"]

ACTS: dict[str, Any] = {
    "register.create": _("record filed"),
    "register.edit": _("record edited"),
    "register.correct": _("record corrected"),
    "register.withdraw": _("record withdrawn"),
    "register.give_geometry": _("outline given"),
    "register.attach": _("file attached"),
    "register.detach": _("attachment withdrawn"),
    "register.import": _("records imported"),
    "register.revert": _("import taken back"),
    "register.export": _("records exported"),
    "finding.dispatch": _("finding dispatched"),
    "finding.recall": _("finding recalled"),
    "finding.reply": _("finding replied"),
    "finding.verify": _("reply confirmed"),
    "finding.return": _("reply sent back"),
    "finding.close": _("finding closed"),
    "finding.confirm": _("finding confirmed gone"),
    "finding.dismiss": _("finding dismissed"),
    "finding.reopen": _("finding opened again"),
    "checks.start": _("supervision started"),
    "checks.supervise": _("supervision run"),
    "checks.finish": _("supervision finished"),
    "checks.set_parameter": _("threshold of a rule set"),
    "layer.import": _("layer loaded"),
    "layer.publish": _("layer version published"),
    "layer.withdraw": _("layer version withdrawn"),
    "layer.open": _("layer version opened to the public"),
    "layer.close": _("layer version closed to the public"),
    "layer.analyse": _("occupation analysis"),
    "map.theme": _("thematic map saved"),
    "map.theme_remove": _("thematic map removed"),
    "map.link": _("map link made"),
    "map.print": _("map sheet printed"),
    "layer.transform": _("file moved to CGCS2000"),
    "layer.imagery": _("imagery source set"),
    "layer.tiles": _("tiles of a layer version built"),
    "layer.remove_draft": _("draft of a layer removed"),
    "package.order": _("offline package ordered"),
    "package.make": _("offline package made"),
    "package.download": _("offline package fetched"),
    "package.hand_over": _("offline package handed over"),
    "package.void": _("offline package made void"),
    "identity.sign_in": _("signed in"),
    "identity.sign_in_refused": _("sign-in refused"),
    "identity.sign_out": _("signed out"),
    "identity.password": _("password changed"),
    "identity.password_reset": _("first password given anew"),
    "identity.mfa_on": _("second factor switched on"),
    "identity.mfa_off": _("second factor switched off"),
    "identity.account_create": _("account made"),
    "identity.account_edit": _("account edited"),
    "identity.grant": _("roles granted"),
    "identity.organisation": _("organisation saved"),
    "journal.redact": _("values redacted by law"),
    "operations.restore": _("node restored from a backup"),
    "job.done": _("job done"),
    "job.failed": _("job failed"),
}


def act_label(act: str) -> str:
    """
    >>> act_label("nowhere.to_be_found")
    'nowhere.to_be_found'
    """
    return str(ACTS.get(act, act))
