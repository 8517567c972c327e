"""Coded values of the land registers. The codes are the project's; the words are those of the forms."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ApprovalKind(TextChoices):
    BATCH = "batch", _("batch land of a town or village plan")
    SINGLE_SITE = "single_site", _("single-site project")
    LINK = "link", _("linked increase and decrease")
    TEMPORARY = "temporary", _("temporary use")


class Authority(TextChoices):
    STATE = "state", _("State Council")
    PROVINCE = "province", _("province")
    CITY = "city", _("city")
    COUNTY = "county", _("county")


class ProjectApprover(TextChoices):
    STATE = "state", _("State Council")
    PROVINCE = "province", _("province")
    CITY = "city", _("city")
    COUNTY = "county", _("county")
    NONE = "none", _("none")


class ProjectKind(TextChoices):
    ROAD = "road", _("road")
    RAILWAY = "railway", _("railway")
    PIPELINE = "pipeline", _("pipeline")
    ENERGY = "energy", _("energy")
    WATER = "water", _("water works")
    MINING = "mining", _("mining")
    TOWN = "town", _("town building")
    INDUSTRY = "industry", _("industry")
    HOUSING = "housing", _("housing")
    PUBLIC = "public", _("public services")
    OTHER = "other", _("other")


class Source(TextChoices):
    NEW = "new", _("new construction land")
    NEW_STOCK = "new_stock", _("new construction land from the stock")
    EXISTING = "existing", _("existing construction land")


class Method(TextChoices):
    """供地方式, codes of the project's code list ``supply_method``."""

    ALLOCATION = "1", _("administrative allocation")
    TENDER = "21", _("grant by tender")
    AUCTION = "22", _("grant by auction")
    LISTING = "23", _("grant by listing")
    NEGOTIATION = "24", _("grant by agreement")
    LEASE = "3", _("lease")
    CAPITAL = "4", _("capital contribution")
    AUTHORISED = "5", _("authorised operation")
    OTHER = "9", _("other")


class EventKind(TextChoices):
    DELIVERY = "delivery", _("delivery")
    START = "start", _("start")
    SUSPEND = "suspend", _("suspension")
    RESUME = "resume", _("resumption")
    FINISH = "finish", _("completion")
    ACCEPTANCE = "acceptance", _("completion check")
    PROGRESS = "progress", _("progress")


class ConsolidationKind(TextChoices):
    CONSOLIDATION = "consolidation", _("land consolidation")
    RECLAMATION = "reclamation", _("land reclamation")
    DEVELOPMENT = "development", _("land development")


class Fund(TextChoices):
    CENTRAL = "central", _("central funds")
    PROVINCE = "province", _("province funds")
    RECLAMATION_FEE = "reclamation_fee", _("farmland reclamation fee")
    NEW_LAND_FEE = "new_land_fee", _("fee for new construction land")
    SOCIAL = "social", _("social funds")


class ProjectStage(TextChoices):
    INITIATED = "initiated", _("initiated")
    DESIGNED = "designed", _("planned and budgeted")
    IMPLEMENTING = "implementing", _("under way")
    ACCEPTED = "accepted", _("accepted")
    MAINTAINED = "maintained", _("maintained")


class DrawState(TextChoices):
    LOCKED = "locked", _("locked")
    USED = "used", _("used")
    RELEASED = "released", _("released")


class IdleCause(TextChoices):
    GOVERNMENT = "government", _("government")
    OWNER = "owner", _("holder")
    UNDETERMINED = "undetermined", _("not determined")


class IdleMeasure(TextChoices):
    NONE = "none", _("none")
    EXTEND = "extend", _("extension of the start date")
    CHANGE_USE = "change_use", _("change of use")
    EXCHANGE = "exchange", _("exchange of land")
    PAID_RECOVERY = "paid_recovery", _("recovery against payment")
    FEE = "fee", _("idle-land fee")
    RECOVERY = "recovery", _("recovery without payment")


class UseGroup(TextChoices):
    INDUSTRY = "industry", _("industry")
    COMMERCE = "commerce", _("commerce")
    HOUSING = "housing", _("housing")
    PUBLIC = "public", _("public services")
    MINING = "mining", _("mining")
    SPECIAL = "special", _("special use")
    TRANSPORT = "transport", _("transport")
    WATER = "water", _("water works")
    OTHER = "other", _("other")
