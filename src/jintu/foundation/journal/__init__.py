"""留痕: the append-only, hash-chained record of every act.

``append`` writes an entry in the act's transaction; the sealer (`jintu.foundation.journal.sealing`) gives it its place
in the chain within a second; `jintu.foundation.journal.verifying` proves that nothing was changed since.
"""

from .acts import Actor, Rows, Version, append, redact
from .reading import history, version_of

__all__ = ["Actor", "Rows", "Version", "append", "history", "redact", "version_of"]
