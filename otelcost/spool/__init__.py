"""The spool: append-only files between an application and the store. Knows no DuckDB.

`writer` is the application's half, `reader` the drain's. `names` and `locks` are what both agree on, and
`diagnostics` is how an application says what it had to drop.
"""
