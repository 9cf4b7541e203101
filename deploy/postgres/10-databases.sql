-- Prefect and the ledger keep apart: each has tables, migrations and backups of its own. The ledger's database is made
-- by the image itself (POSTGRES_DB).
CREATE DATABASE prefect;
