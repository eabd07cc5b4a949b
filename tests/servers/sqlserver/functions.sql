-- The functions of T-SQL that sqlglot does not put into DuckDB's own, and what a column makes of a value assigned to it.

CREATE MACRO plain(name) AS lower(replace(replace(name, '[', ''), ']', ''));
CREATE MACRO object_id(wanted) AS (SELECT any_value(object_id) FROM catalog.tables
    WHERE plain(wanted) IN (lower(schema_name || '.' || name), CASE schema_name WHEN 'dbo' THEN lower(name) END,
        lower(current_database_name() || '.' || schema_name || '.' || name)));
CREATE MACRO object_name(id) AS (SELECT any_value(t.name) FROM catalog.tables t WHERE t.object_id = id);
CREATE MACRO object_schema_name(id) AS (SELECT any_value(schema_name) FROM catalog.tables t WHERE t.object_id = id);
CREATE MACRO schema_name(id := 1) AS (SELECT any_value(s.name) FROM catalog.schemas s WHERE s.schema_id = id);
CREATE MACRO schema_id(wanted := 'dbo') AS (SELECT any_value(s.schema_id) FROM catalog.schemas s WHERE lower(s.name) = lower(wanted));
CREATE MACRO type_name(id) AS (SELECT any_value(t.name) FROM sys.types t WHERE t.user_type_id = id);
CREATE MACRO col_name(id, ordinal) AS (SELECT any_value(c.name) FROM catalog.columns c WHERE c.object_id = id AND c.column_id = ordinal);
CREATE MACRO db_id(wanted := current_database_name()) AS (SELECT any_value(database_id) FROM catalog.databases d WHERE lower(d.name) = lower(wanted));
CREATE MACRO databasepropertyex(wanted, property) AS (SELECT any_value(CASE lower(property) WHEN 'updateability'
    THEN CASE WHEN is_read_only THEN 'READ_ONLY' ELSE 'READ_WRITE' END WHEN 'status' THEN CASE state WHEN 0 THEN 'ONLINE'
    ELSE 'OFFLINE' END WHEN 'collation' THEN 'SQL_Latin1_General_CP1_CI_AS' END)
    FROM catalog.databases d WHERE lower(d.name) = lower(wanted));
CREATE MACRO columnproperty(id, wanted, property) AS (SELECT any_value(CASE lower(property) WHEN 'iscomputed'
    THEN is_computed::INTEGER WHEN 'isidentity' THEN is_identity::INTEGER WHEN 'allowsnull' THEN is_nullable::INTEGER
    WHEN 'columnid' THEN column_id WHEN 'ordinal' THEN column_id END)
    FROM catalog.columns c WHERE c.object_id = id AND lower(c.name) = lower(wanted));
CREATE MACRO serverproperty(property) AS CASE lower(property) WHEN 'productversion' THEN '16.0.4135.4'
    WHEN 'edition' THEN 'Developer Edition (64-bit)' WHEN 'servername' THEN 'emulator' WHEN 'engineedition' THEN '3'
    WHEN 'productmajorversion' THEN '16' WHEN 'machinename' THEN 'emulator' WHEN 'ishadrenabled' THEN '0'
    WHEN 'collation' THEN 'SQL_Latin1_General_CP1_CI_AS' END;
CREATE MACRO quotename(name) AS '[' || replace(name, ']', ']]') || ']';
CREATE MACRO len(value) AS length(rtrim(value::VARCHAR, ' '));
CREATE MACRO datalength(value) AS CASE typeof(value) WHEN 'BLOB' THEN octet_length(try_cast(value AS BLOB))
    ELSE 2 * length(value::VARCHAR) END;
CREATE MACRO newid() AS gen_random_uuid();
CREATE MACRO charindex(part, whole) AS instr(whole, part);
CREATE MACRO stuff(whole, start, count, part) AS left(whole, start - 1) || part || substr(whole, start + count);
CREATE MACRO fn_varbintohexstr(value) AS '0x' || lower(hex(value));
CREATE MACRO hex_text(value, style) AS CASE style WHEN 1 THEN '0x' ELSE '' END || hex(value);
CREATE MACRO hex_bytes(value, style) AS unhex(CASE style WHEN 1 THEN substr(value, 3) ELSE value END);

CREATE MACRO as_binary(value) AS CASE typeof(value) WHEN 'BLOB' THEN try_cast(value AS BLOB)
    WHEN 'VARCHAR' THEN encode(value::VARCHAR) WHEN '"NULL"' THEN NULL
    WHEN 'UUID' THEN encode(value::VARCHAR) ELSE unhex(printf('%08X', try_cast(value AS BIGINT))) END;
CREATE MACRO padded(value, size) AS unhex(rpad(hex(value), 2 * size, '0'));
CREATE MACRO fits(value, size) AS CASE WHEN length(value::VARCHAR) > size THEN
    CASE WHEN length(rtrim(value::VARCHAR, ' ')) > size THEN error('truncated') ELSE left(value::VARCHAR, size) END
    ELSE value::VARCHAR END;
CREATE MACRO as_datetime(value) AS epoch_ms(CAST(floor(round(epoch_us(cast(value AS TIMESTAMP)) * 3 / 10000.0) * 10 / 3 + 0.5) AS BIGINT))::TIMESTAMP_MS;
CREATE MACRO as_smalldatetime(value) AS date_trunc('minute', cast(value AS TIMESTAMP) + INTERVAL 30 SECOND)::TIMESTAMP_S;
