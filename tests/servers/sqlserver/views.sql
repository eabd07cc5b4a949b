-- What clients ask of the catalog, with the columns that tools read: "System catalog views" and "Information schema views".

CREATE VIEW sys.databases AS SELECT *,
    CASE snapshot_isolation_state WHEN 1 THEN 'ON' ELSE 'OFF' END AS snapshot_isolation_state_desc,
    CASE state WHEN 0 THEN 'ONLINE' ELSE 'OFFLINE' END AS state_desc, 160::UTINYINT AS compatibility_level,
    'SQL_Latin1_General_CP1_CI_AS' AS collation_name, 3::UTINYINT AS recovery_model, 'SIMPLE' AS recovery_model_desc,
    NULL::UUID AS replica_id, unhex('01') AS owner_sid
FROM catalog.databases;
CREATE VIEW sys.schemas AS SELECT * FROM catalog.schemas;
CREATE VIEW sys.objects AS SELECT t.object_id, t.name, s.schema_id, 0 AS parent_object_id, 'U ' AS type,
    'USER_TABLE' AS type_desc, t.create_date, t.create_date AS modify_date, t.is_ms_shipped
FROM catalog.tables t JOIN catalog.schemas s ON s.name = t.schema_name
UNION ALL SELECT i.object_id::BIGINT * 100 + i.index_id, i.name, s.schema_id, i.object_id, 'PK',
    'PRIMARY_KEY_CONSTRAINT', t.create_date, t.create_date, t.is_ms_shipped
FROM catalog.indexes i JOIN catalog.tables t ON t.object_id = i.object_id
    JOIN catalog.schemas s ON s.name = t.schema_name WHERE i.is_primary_key;
CREATE VIEW sys.tables AS SELECT o.*, t.is_tracked_by_cdc, t.temporal_type, t.max_column_id_used, false AS is_memory_optimized,
    CASE t.temporal_type WHEN 1 THEN 'HISTORY_TABLE' WHEN 2 THEN 'SYSTEM_VERSIONED_TEMPORAL_TABLE'
    ELSE 'NON_TEMPORAL_TABLE' END AS temporal_type_desc, false AS is_external
FROM sys.objects o JOIN catalog.tables t ON t.object_id = o.object_id;
CREATE VIEW sys.columns AS SELECT object_id, name, column_id, system_type_id, CASE type_name WHEN 'sysname' THEN 256
    ELSE system_type_id::INTEGER END AS user_type_id, max_length, "precision", "scale", is_nullable, is_identity,
    is_computed, CASE WHEN system_type_id IN (35, 99, 167, 175, 231, 239) THEN 'SQL_Latin1_General_CP1_CI_AS' END AS
    collation_name, CASE WHEN default_definition IS NULL THEN 0 ELSE object_id::BIGINT * 100 + column_id END AS
    default_object_id, false AS is_hidden, 0::UTINYINT AS generated_always_type, false AS is_sparse
FROM catalog.columns;
CREATE VIEW sys.all_columns AS SELECT * FROM sys.columns;
CREATE VIEW sys.computed_columns AS SELECT *, default_object_id AS definition FROM sys.columns WHERE is_computed;
CREATE VIEW sys.identity_columns AS SELECT * FROM sys.columns WHERE is_identity;
CREATE VIEW sys.default_constraints AS SELECT object_id::BIGINT * 100 + column_id AS object_id, object_id AS parent_object_id,
    column_id AS parent_column_id, default_definition AS definition FROM catalog.columns
WHERE default_definition IS NOT NULL;
CREATE VIEW sys.indexes AS SELECT object_id, name, index_id, CASE index_id WHEN 1 THEN 1 ELSE 2 END::UTINYINT AS type,
    CASE index_id WHEN 1 THEN 'CLUSTERED' ELSE 'NONCLUSTERED' END AS type_desc, is_unique, is_primary_key,
    is_unique_constraint, false AS is_disabled, false AS has_filter, NULL::VARCHAR AS filter_definition
FROM catalog.indexes
UNION ALL SELECT object_id, NULL, 0, 0, 'HEAP', false, false, false, false, false, NULL FROM catalog.tables t
WHERE NOT EXISTS (SELECT 1 FROM catalog.indexes i WHERE i.object_id = t.object_id AND i.index_id = 1);
CREATE VIEW sys.index_columns AS SELECT object_id, index_id, key_ordinal::INTEGER AS index_column_id, column_id,
    key_ordinal, is_descending_key, false AS is_included_column FROM catalog.index_columns;
CREATE VIEW sys.key_constraints AS SELECT object_id::BIGINT * 100 + index_id AS object_id, name, object_id AS parent_object_id,
    index_id AS unique_index_id, CASE WHEN is_primary_key THEN 'PK' ELSE 'UQ' END AS type,
    CASE WHEN is_primary_key THEN 'PRIMARY_KEY_CONSTRAINT' ELSE 'UNIQUE_CONSTRAINT' END AS type_desc
FROM catalog.indexes WHERE is_primary_key OR is_unique_constraint;
CREATE VIEW sys.extended_properties AS SELECT class, CASE class WHEN 0 THEN 'DATABASE' WHEN 3 THEN 'SCHEMA'
    ELSE 'OBJECT_OR_COLUMN' END AS class_desc, major_id, minor_id, name, "value" FROM catalog.properties;
CREATE VIEW sys.partitions AS SELECT object_id::BIGINT * 10 AS partition_id, object_id, coalesce((SELECT 1 FROM catalog.indexes i
    WHERE i.object_id = t.object_id AND i.index_id = 1), 0) AS index_id, 1 AS partition_number,
    coalesce((SELECT estimated_size FROM duckdb_tables() d
    WHERE d.schema_name = t.schema_name AND d.table_name = t.name), 0)::BIGINT AS rows FROM catalog.tables t;
CREATE VIEW sys.dm_db_partition_stats AS SELECT partition_id, object_id, index_id, partition_number,
    rows AS row_count, rows // 100 + 1 AS used_page_count, rows // 100 + 1 AS in_row_data_page_count FROM sys.partitions;
CREATE VIEW sys.database_principals AS SELECT *, CASE type WHEN 'S' THEN 'dbo' END AS default_schema_name,
    unhex(md5(name)) AS sid, principal_id IN (0, 1) OR name LIKE 'db\_%' ESCAPE '\' AS is_fixed_role
FROM catalog.principals;
CREATE VIEW sys.server_principals AS SELECT *, unhex(md5(name)) AS sid, false AS is_disabled
FROM catalog.principals WHERE type = 'S';
CREATE VIEW sys.database_role_members AS SELECT r.principal_id AS role_principal_id, m.principal_id AS
    member_principal_id FROM catalog.members x JOIN catalog.principals r ON r.name = x.role_name
    JOIN catalog.principals m ON m.name = x.member_name;
CREATE VIEW sys.database_permissions AS SELECT CASE class WHEN 'SCHEMA' THEN 3 WHEN 'DATABASE' THEN 0 ELSE 1 END::UTINYINT
    AS class, CASE class WHEN 'OBJECT' THEN 'OBJECT_OR_COLUMN' ELSE class END AS class_desc, CASE class WHEN 'SCHEMA'
    THEN schema_id(securable) WHEN 'OBJECT' THEN object_id(securable) ELSE 0 END AS major_id, 0 AS minor_id,
    (SELECT principal_id FROM catalog.principals p WHERE lower(p.name) = lower(grantee)) AS grantee_principal_id,
    permission AS permission_name, 'G' AS state, 'GRANT' AS state_desc FROM catalog.permissions;

CREATE VIEW info.tables AS SELECT current_database_name() AS "TABLE_CATALOG", schema_name AS "TABLE_SCHEMA", name AS "TABLE_NAME",
    'BASE TABLE' AS "TABLE_TYPE" FROM catalog.tables;
CREATE VIEW info.schemata AS SELECT current_database_name() AS "CATALOG_NAME", name AS "SCHEMA_NAME" FROM catalog.schemas;
CREATE VIEW info.columns AS SELECT current_database_name() AS "TABLE_CATALOG", t.schema_name AS "TABLE_SCHEMA", t.name AS "TABLE_NAME",
    c.name AS "COLUMN_NAME", c.column_id AS "ORDINAL_POSITION", c.default_definition AS "COLUMN_DEFAULT",
    CASE WHEN c.is_nullable THEN 'YES' ELSE 'NO' END AS "IS_NULLABLE", CASE c.type_name WHEN 'sysname' THEN 'nvarchar' ELSE c.type_name END AS "DATA_TYPE",
    CASE WHEN c.system_type_id IN (231, 239) AND c.max_length > 0 THEN c.max_length // 2
         WHEN c.system_type_id IN (165, 167, 173, 175, 231, 239, 241) THEN c.max_length
         WHEN c.system_type_id IN (34, 35) THEN 2147483647 WHEN c.system_type_id = 99 THEN 1073741823
    END::INTEGER AS "CHARACTER_MAXIMUM_LENGTH", CASE WHEN c.system_type_id IN (48, 52, 56, 59, 60, 62, 106, 108, 122, 127)
    THEN c."precision" END AS "NUMERIC_PRECISION", CASE WHEN c.system_type_id IN (48, 52, 56, 60, 106, 108, 122, 127)
    THEN c."scale"::INTEGER END AS "NUMERIC_SCALE", CASE WHEN c.system_type_id IN (40, 41, 42, 43, 58, 61)
    THEN c."scale"::SMALLINT END AS "DATETIME_PRECISION"
FROM catalog.columns c JOIN catalog.tables t ON t.object_id = c.object_id;
CREATE VIEW info.table_constraints AS SELECT current_database_name() AS "CONSTRAINT_CATALOG", t.schema_name AS "CONSTRAINT_SCHEMA",
    i.name AS "CONSTRAINT_NAME", t.schema_name AS "TABLE_SCHEMA", t.name AS "TABLE_NAME",
    CASE WHEN i.is_primary_key THEN 'PRIMARY KEY' ELSE 'UNIQUE' END AS "CONSTRAINT_TYPE"
FROM catalog.indexes i JOIN catalog.tables t ON t.object_id = i.object_id
WHERE i.is_primary_key OR i.is_unique_constraint;
CREATE VIEW info.key_column_usage AS SELECT c."CONSTRAINT_SCHEMA", c."CONSTRAINT_NAME", c."TABLE_SCHEMA", c."TABLE_NAME",
    k.name AS "COLUMN_NAME", x.key_ordinal::INTEGER AS "ORDINAL_POSITION" FROM info.table_constraints c
    JOIN catalog.indexes i ON i.name = c."CONSTRAINT_NAME"
    JOIN catalog.index_columns x ON x.object_id = i.object_id AND x.index_id = i.index_id
    JOIN catalog.columns k ON k.object_id = x.object_id AND k.column_id = x.column_id;
