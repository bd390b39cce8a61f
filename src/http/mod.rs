//! `/metrics`, `/livez`, `/readyz` and `/api/v1`: reads snapshots, changes nothing.
