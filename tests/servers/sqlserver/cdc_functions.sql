-- The functions of change data capture that answer one value: "Change data capture functions (Transact-SQL)".
CREATE OR REPLACE MACRO sys.fn_cdc_get_max_lsn() AS (SELECT max(start_lsn) FROM cdc.lsn_time_mapping);
CREATE OR REPLACE MACRO sys.fn_cdc_get_min_lsn(wanted) AS coalesce((SELECT any_value(c.start_lsn) FROM cdc.change_tables c
    WHERE lower(c.capture_instance) = lower(wanted)), unhex('00000000000000000000'));
CREATE OR REPLACE MACRO sys.fn_cdc_map_lsn_to_time(lsn) AS (SELECT any_value(m.tran_end_time) FROM cdc.lsn_time_mapping m
    WHERE m.start_lsn = lsn);
CREATE OR REPLACE MACRO sys.fn_cdc_map_time_to_lsn(relation, moment) AS CASE lower(relation)
    WHEN 'largest less than' THEN (SELECT max(m.start_lsn) FROM cdc.lsn_time_mapping m WHERE m.tran_end_time < moment::TIMESTAMP_MS)
    WHEN 'largest less than or equal' THEN (SELECT max(m.start_lsn) FROM cdc.lsn_time_mapping m WHERE m.tran_end_time <= moment::TIMESTAMP_MS)
    WHEN 'smallest greater than' THEN (SELECT min(m.start_lsn) FROM cdc.lsn_time_mapping m WHERE m.tran_end_time > moment::TIMESTAMP_MS)
    WHEN 'smallest greater than or equal' THEN (SELECT min(m.start_lsn) FROM cdc.lsn_time_mapping m WHERE m.tran_end_time >= moment::TIMESTAMP_MS)
    END;
CREATE OR REPLACE MACRO sys.fn_cdc_increment_lsn(lsn) AS lsn_plus(lsn, 1);
CREATE OR REPLACE MACRO sys.fn_cdc_decrement_lsn(lsn) AS lsn_plus(lsn, -1);
CREATE OR REPLACE MACRO sys.fn_cdc_get_column_ordinal(instance, wanted) AS (SELECT any_value(k.column_ordinal)
    FROM cdc.captured_columns k JOIN cdc.change_tables c ON c.object_id = k.object_id
    WHERE lower(c.capture_instance) = lower(instance) AND lower(k.column_name) = lower(wanted));
CREATE OR REPLACE MACRO sys.fn_cdc_is_bit_set(ordinal, mask) AS bit_is_set(ordinal, mask);
CREATE OR REPLACE MACRO sys.fn_cdc_has_column_changed(instance, wanted, mask) AS
    bit_is_set(sys.fn_cdc_get_column_ordinal(instance, wanted), mask);
