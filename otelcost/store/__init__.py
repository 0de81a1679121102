"""The DuckDB store: sessions, migrations, the drain from the spool, and the queries every screen shares."""
