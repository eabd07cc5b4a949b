-- The tables in which the emulated database describes itself, in DuckDB's SQL.

CREATE SCHEMA dbo; CREATE SCHEMA cdc; CREATE SCHEMA sys; CREATE SCHEMA msdb; CREATE SCHEMA info; CREATE SCHEMA catalog;

CREATE SEQUENCE catalog.row_version START 2001;
CREATE TABLE catalog.schemas (name VARCHAR, schema_id INTEGER, principal_id INTEGER);
INSERT INTO catalog.schemas VALUES ('dbo', 1, 1), ('guest', 2, 2), ('INFORMATION_SCHEMA', 3, 3), ('sys', 4, 4);
CREATE TABLE catalog.tables (
    object_id INTEGER, schema_name VARCHAR, name VARCHAR, is_tracked_by_cdc BOOLEAN, is_ms_shipped BOOLEAN,
    temporal_type UTINYINT, create_date TIMESTAMP_MS, max_column_id_used INTEGER
);
CREATE TABLE catalog.columns (
    object_id INTEGER, column_id INTEGER, name VARCHAR, declared VARCHAR, type_name VARCHAR, system_type_id UTINYINT,
    max_length SMALLINT, "precision" UTINYINT, "scale" UTINYINT, is_nullable BOOLEAN, is_identity BOOLEAN,
    is_computed BOOLEAN, default_definition VARCHAR
);
CREATE TABLE catalog.indexes (
    object_id INTEGER, index_id INTEGER, name VARCHAR, is_primary_key BOOLEAN, is_unique BOOLEAN,
    is_unique_constraint BOOLEAN
);
CREATE TABLE catalog.index_columns (
    object_id INTEGER, index_id INTEGER, key_ordinal UTINYINT, column_id INTEGER, is_descending_key BOOLEAN
);
CREATE TABLE catalog.properties (class UTINYINT, major_id INTEGER, minor_id INTEGER, name VARCHAR, "value" VARCHAR);
CREATE TABLE catalog.databases (
    name VARCHAR, database_id INTEGER, is_cdc_enabled BOOLEAN, snapshot_isolation_state UTINYINT,
    is_read_committed_snapshot_on BOOLEAN, is_read_only BOOLEAN, state UTINYINT
);
CREATE TABLE catalog.principals (name VARCHAR, principal_id INTEGER, type VARCHAR, type_desc VARCHAR);
CREATE TABLE catalog.members (role_name VARCHAR, member_name VARCHAR);
CREATE TABLE catalog.permissions (grantee VARCHAR, permission VARCHAR, class VARCHAR, securable VARCHAR);
CREATE TABLE sys.types (name VARCHAR, system_type_id UTINYINT, user_type_id INTEGER, schema_id INTEGER,
    max_length SMALLINT, "precision" UTINYINT, "scale" UTINYINT, is_user_defined BOOLEAN);
