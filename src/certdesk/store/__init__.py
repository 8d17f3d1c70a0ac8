"""Where facts live: one schema on SQLite and PostgreSQL, and the statements that read and write it.

`Store` bundles the repositories over one `Database`. Nobody but the RA changes the state of a
request or a certificate; the validation authority keeps its own answers and CRLs.
"""

from certdesk.store.store import Store, open_store

__all__ = ["Store", "open_store"]
