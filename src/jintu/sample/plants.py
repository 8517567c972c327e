from typing import Any
def plant_all(world): pass
def short_quota(ledger,row,used,as_of): pass
