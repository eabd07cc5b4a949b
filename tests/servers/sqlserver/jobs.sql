-- The jobs of change data capture, and the views that watch them: "msdb.dbo.cdc_jobs", "sys.dm_cdc_log_scan_sessions",
-- "sys.dm_cdc_errors", "dbo.sysjobs", "dbo.sysjobactivity", "sys.dm_server_services".

CREATE TABLE msdb.cdc_jobs (database_id INTEGER, job_type VARCHAR, job_id UUID, maxtrans INTEGER, maxscans INTEGER,
    "continuous" BOOLEAN, pollinginterval BIGINT, retention BIGINT, threshold BIGINT);
CREATE TABLE msdb.sysjobs (job_id UUID, name VARCHAR, job_name VARCHAR, enabled UTINYINT);
CREATE TABLE msdb.sysjobactivity (session_id INTEGER, job_id UUID, start_execution_date TIMESTAMP_MS,
    stop_execution_date TIMESTAMP_MS);
CREATE TABLE sys.dm_server_services (servicename VARCHAR, status INTEGER, status_desc VARCHAR, startup_type_desc VARCHAR);
INSERT INTO sys.dm_server_services VALUES ('SQL Server (MSSQLSERVER)', 4, 'Running', 'Automatic'),
    ('SQL Server Agent (MSSQLSERVER)', 4, 'Running', 'Automatic');
CREATE TABLE sys.dm_cdc_log_scan_sessions (session_id INTEGER, start_time TIMESTAMP_MS, end_time TIMESTAMP_MS,
    duration INTEGER, scan_phase VARCHAR, error_count INTEGER, start_lsn VARCHAR, current_lsn VARCHAR, end_lsn VARCHAR,
    tran_count BIGINT, last_commit_lsn VARCHAR, last_commit_time TIMESTAMP_MS, log_record_count BIGINT,
    schema_change_count BIGINT, command_count BIGINT, first_begin_cdc_lsn VARCHAR, last_commit_cdc_lsn VARCHAR,
    last_commit_cdc_time TIMESTAMP_MS, latency INTEGER, empty_scan_count INTEGER, failed_sessions_count INTEGER);
CREATE TABLE sys.dm_cdc_errors (session_id INTEGER, phase_number INTEGER, entry_time TIMESTAMP_MS,
    error_number INTEGER, error_severity INTEGER, error_state INTEGER, error_message VARCHAR, start_lsn VARCHAR,
    begin_lsn VARCHAR, sequence_value VARCHAR);
