//! Errors as a MySQL client sees them: number, SQLSTATE, text.

use std::fmt;
use std::sync::Arc;

/// Five characters that say what kind of condition it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// A state from its text; anything but five ASCII letters and digits is the general error.
    pub fn new(text: &str) -> SqlState {
        SqlState::parse(text).unwrap_or(SqlState(*b"HY000"))
    }

    /// A state from its text, if it is one.
    pub fn parse(text: &str) -> Option<SqlState> {
        let bytes: [u8; 5] = text.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
            .then_some(SqlState(bytes))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("HY000")
    }

    /// The first two characters.
    pub fn class(&self) -> [u8; 2] {
        [self.0[0], self.0[1]]
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error of a statement: MySQL's number, SQLSTATE and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// MySQL's error number.
    pub code: u16,
    /// SQLSTATE.
    pub state: SqlState,
    /// The text that the client prints.
    pub message: String,
}

/// Result of anything that a statement does.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident($($arg:ident),*) = $code:literal, $state:literal, $text:literal;)*) => {
        impl Error {
            $($(#[$doc])* #[doc = concat!("Error ", $code, " (", $state, "): `", $text, "`.")]
            #[allow(unused_variables)]
            pub fn $name($($arg: impl fmt::Display),*) -> Error {
                Error { code: $code, state: SqlState::new($state), message: format!($text) }
            })*
        }
    };
}

errors! {
    functional_dependent(column) = 3837, "HY000", "Column '{column}' has a functional index dependency and cannot be dropped or renamed.";
    definer_missing(user, host) = 1449, "HY000", "The user specified as a definer ('{user}'@'{host}') does not exist";
    trigger_exists(name) = 1359, "HY000", "Trigger '{name}' already exists";
    trigger_missing() = 1360, "HY000", "Trigger does not exist";
    trigger_on_view(name) = 1361, "HY000", "Trigger's '{name}' is a view, temporary table or system table";
    trigger_row_fixed(row, when) = 1362, "HY000", "Updating of {row} row is not allowed in {when}trigger";
    trigger_row_missing(row, event) = 1363, "HY000", "There is no {row} row in on {event} trigger";
    trigger_order_missing(name) = 3011, "HY000", "Referenced trigger '{name}' for the given action time and event type does not exist.";
    trigger_wrong_schema() = 1435, "HY000", "Trigger in wrong schema";
    table_in_use(table) = 1442, "HY000", "Can't update table '{table}' in stored function/trigger because it is already used by statement which invoked this stored function/trigger.";
    no_return(name) = 1320, "42000", "No RETURN found in FUNCTION {name}";
    return_outside() = 1313, "42000", "RETURN is only allowed in a FUNCTION";
    function_ended(name) = 1321, "2F005", "FUNCTION {name} ended without RETURN";
    undeclared(name) = 1327, "42000", "Undeclared variable: {name}";
    condition_missing(name) = 1319, "42000", "Undefined CONDITION: {name}";
    cursor_missing(name) = 1324, "42000", "Undefined CURSOR: {name}";
    cursor_already_open() = 1325, "24000", "Cursor is already open";
    cursor_not_open() = 1326, "24000", "Cursor is not open";
    fetch_count() = 1328, "HY000", "Incorrect number of FETCH variables";
    no_data() = 1329, "02000", "No data - zero rows fetched, selected, or processed";
    duplicate_parameter(name) = 1330, "42000", "Duplicate parameter: {name}";
    duplicate_variable(name) = 1331, "42000", "Duplicate variable: {name}";
    duplicate_condition(name) = 1332, "42000", "Duplicate condition: {name}";
    duplicate_cursor(name) = 1333, "42000", "Duplicate cursor: {name}";
    declared_late() = 1337, "42000", "Variable or condition declaration after cursor or handler declaration";
    cursor_after_handler() = 1338, "42000", "Cursor declaration after handler declaration";
    case_not_found() = 1339, "20000", "Case not found for CASE statement";
    duplicate_handler() = 1413, "42000", "Duplicate handler declared in the same block";
    label_mismatch(verb, label) = 1308, "42000", "{verb} with no matching label: {label}";
    label_redefined(label) = 1309, "42000", "Redefining label {label}";
    dynamic_sql() = 1336, "0A000", "Dynamic SQL is not allowed in stored function or trigger";
    result_set_in(what) = 1415, "0A000", "Not allowed to return a result set from a {what}";
    commit_in_program() = 1422, "HY000", "Explicit or implicit commit is not allowed in stored function or trigger.";
    function_recursion() = 1424, "HY000", "Recursive stored functions and triggers are not allowed.";
    bad_sqlstate(text) = 1407, "42000", "Bad SQLSTATE: '{text}'";
    not_a_variable(n, routine) = 1414, "42000", "OUT or INOUT argument {n} for routine {routine} is not a variable or NEW pseudo-variable in BEFORE trigger";
    recursion_exceeded(limit, name) = 1456, "HY000", "Recursive limit {limit} (as set by the max_sp_recursion_depth variable) was exceeded for routine {name}";
    nesting_exceeded() = 1436, "HY000", "Thread stack overrun:  stored programs are nested too deeply.";
    inactive_handler() = 1645, "0K000", "RESIGNAL when handler not active";
    no_handler() = 3582, "0Z002", "GET STACKED DIAGNOSTICS when handler not active";
    invalid_condition_number() = 1758, "35000", "Invalid condition number";
    duplicate_item(name) = 1641, "42000", "Duplicate condition information item '{name}'";
    wrong_item_value(name, value) = 1231, "42000", "Variable '{name}' can't be set to the value of '{value}'";
    event_exists(name) = 1537, "HY000", "Event '{name}' already exists";
    event_missing(name) = 1539, "HY000", "Unknown event '{name}'";
    program_in_program(what) = 1303, "2F003", "Can't create a {what} from within another stored routine";
    not_in_program(what) = 1314, "0A000", "{what} is not allowed in stored procedures";
    dup_key_name(name) = 1061, "42000", "Duplicate key name '{name}'";
    database_exists(name) = 1007, "HY000", "Can't create database '{name}'; database exists";
    database_missing_drop(name) = 1008, "HY000", "Can't drop database '{name}'; database doesn't exist";
    access_denied(user, host, using) = 1045, "28000", "Access denied for user '{user}'@'{host}' (using password: {using})";
    database_access_denied(user, host, db) = 1044, "42000", "Access denied for user '{user}'@'{host}' to database '{db}'";
    command_denied(command, user, host, table) = 1142, "42000", "{command} command denied to user '{user}'@'{host}' for table '{table}'";
    column_denied(command, user, host, column, table) = 1143, "42000", "{command} command denied to user '{user}'@'{host}' for column '{column}' in table '{table}'";
    privilege_needed(privilege) = 1227, "42000", "Access denied; you need (at least one of) the {privilege} privilege(s) for this operation";
    no_database() = 1046, "3D000", "No database selected";
    unknown_command() = 1047, "08S01", "Unknown command";
    column_not_null(column) = 1048, "23000", "Column '{column}' cannot be null";
    unknown_database(name) = 1049, "42000", "Unknown database '{name}'";
    table_exists(name) = 1050, "42S01", "Table '{name}' already exists";
    unknown_table(name) = 1051, "42S02", "Unknown table '{name}'";
    ambiguous_column(column, place) = 1052, "23000", "Column '{column}' in {place} is ambiguous";
    unknown_column(column, place) = 1054, "42S22", "Unknown column '{column}' in '{place}'";
    not_in_group_by(expr) = 1055, "42000", "'{expr}' isn't in GROUP BY";
    group_on_aggregate(expr) = 1056, "42000", "Can't group on '{expr}'";
    wrong_value_count(row) = 1136, "21S01", "Column count doesn't match value count at row {row}";
    identifier_too_long(name) = 1059, "42000", "Identifier name '{name}' is too long";
    duplicate_column(name) = 1060, "42S21", "Duplicate column name '{name}'";
    duplicate_entry(value, key) = 1062, "23000", "Duplicate entry '{value}' for key '{key}'";
    wrong_column_spec(column) = 1063, "42000", "Incorrect column specifier for column '{column}'";
    not_unique_table(name) = 1066, "42000", "Not unique table/alias: '{name}'";
    invalid_default(column) = 1067, "42000", "Invalid default value for '{column}'";
    multiple_primary_key() = 1068, "42000", "Multiple primary key defined";
    key_column_missing(column) = 1072, "42000", "Key column '{column}' doesn't exist in table";
    blob_key_without_length(column) = 1170, "42000", "BLOB/TEXT column '{column}' used in key specification without a key length";
    column_too_big(column, max) = 1074, "42000", "Column length too big for column '{column}' (max = {max}); use BLOB or TEXT instead";
    one_auto_column() = 1075, "42000", "Incorrect table definition; there can be only one auto column and it must be defined as a key";
    cannot_drop_all_columns() = 1090, "42000", "You can't delete all columns with ALTER TABLE; use DROP TABLE instead";
    cannot_drop_missing(name) = 1091, "42000", "Can't DROP '{name}'; check that column/key exists";
    update_table_used(table) = 1093, "HY000", "You can't specify target table '{table}' for update in FROM clause";
    unknown_thread(id) = 1094, "HY000", "Unknown thread id: {id}";
    no_tables_used() = 1096, "HY000", "No tables used";
    blob_default(column) = 1101, "42000", "BLOB, TEXT, GEOMETRY or JSON column '{column}' can't have a default value";
    bad_table_name(name) = 1103, "42000", "Incorrect table name '{name}'";
    general(text) = 1105, "HY000", "{text}";
    unknown_procedure(name) = 1106, "42000", "Unknown procedure '{name}'";
    column_twice(name) = 1110, "42000", "Column '{name}' specified twice";
    invalid_group_function() = 1111, "HY000", "Invalid use of group function";
    table_needs_columns() = 1113, "42000", "A table must have at least 1 column";
    unknown_charset(name) = 1115, "42000", "Unknown character set: '{name}'";
    not_allowed_here(name) = 1120, "42000", "Wrong usage of {name}";
    null_key_part(column) = 1121, "42000", "Table handler doesn't support NULL in given index. Please change column '{column}' to be NOT NULL or use another handler";
    unknown_table_missing(db, table) = 1146, "42S02", "Table '{db}.{table}' doesn't exist";
    bad_field(column) = 1166, "42000", "Incorrect column name '{column}'";
    primary_cant_have_null() = 1171, "42000", "All parts of a PRIMARY KEY must be NOT NULL; if you need NULL in a key, use UNIQUE instead";
    too_many_rows() = 1172, "42000", "Result consisted of more than one row";
    unknown_key(key, table) = 1176, "42000", "Key '{key}' doesn't exist in table '{table}'";
    unknown_variable(name) = 1193, "HY000", "Unknown system variable '{name}'";
    lock_wait_timeout() = 1205, "HY000", "Lock wait timeout exceeded; try restarting transaction";
    wrong_arguments(name) = 1210, "HY000", "Incorrect arguments to {name}";
    frame_needs_one_key() = 3587, "HY000", "Window '<unnamed window>' with RANGE N PRECEDING/FOLLOWING frame requires exactly one ORDER BY expression, of numeric or temporal type";
    interval_over_number() = 3589, "HY000", "Window '<unnamed window>' with RANGE frame has ORDER BY expression of numeric type, INTERVAL bound value not allowed.";
    interval_in_rows_frame() = 3590, "HY000", "Window '<unnamed window>': INTERVAL can only be used with RANGE frames.";
    default_dependent(column, table) = 3959, "HY000", "Column '{column}' of table '{table}' has a default value expression dependency and cannot be dropped or renamed.";
    wrong_temporal(kind, value) = 1525, "HY000", "Incorrect {kind} value: '{value}'";
    lock_table_full() = 1206, "HY000", "The total number of locks exceeds the lock table size";
    lock_nowait() = 3572, "HY000", "Statement aborted because lock(s) could not be acquired immediately and NOWAIT is set.";
    row_changed() = 1213, "40001", "a row is not as the statement read it; try restarting transaction";
    deadlock() = 1213, "40001", "Deadlock found when trying to get lock; try restarting transaction";
    union_columns() = 1222, "21000", "The used SELECT statements have a different number of columns";
    select_in_reference(name, why) = 1247, "42S22", "Reference '{name}' not supported ({why})";
    derived_alias() = 1248, "42000", "Every derived table must have its own alias";
    wrong_type_for_var(name) = 1232, "42000", "Incorrect argument type to variable '{name}'";
    wrong_value_for_var(name, value) = 1231, "42000", "Variable '{name}' can't be set to the value of '{value}'";
    read_only_variable(name) = 1238, "HY000", "Variable '{name}' is a read only variable";
    global_variable(name) = 1229, "HY000", "Variable '{name}' is a GLOBAL variable and should be set with SET GLOBAL";
    session_variable(name) = 1228, "HY000", "Variable '{name}' is a SESSION variable and can't be used with SET GLOBAL";
    operand_columns(n) = 1241, "21000", "Operand should contain {n} column(s)";
    subquery_rows() = 1242, "21000", "Subquery returns more than 1 row";
    unknown_statement(name, what) = 1243, "HY000", "Unknown prepared statement handler ({name}) given to {what}";
    not_supported(what) = 1235, "42000", "This version of Dolt doesn't yet support '{what}'";
    table_in_global_order(table) = 1250, "42000", "Table '{table}' from one of the SELECTs cannot be used in global ORDER clause";
    nonaggregated_order(n, column) = 1055, "42000", "Expression #{n} of ORDER BY clause is not in GROUP BY clause and contains nonaggregated column '{column}' which is not functionally dependent on columns in GROUP BY clause; this is incompatible with sql_mode=only_full_group_by";
    collation_mismatch(collation, charset) = 1253, "42000", "COLLATION '{collation}' is not valid for CHARACTER SET '{charset}'";
    illegal_mix(text) = 1267, "HY000", "Illegal mix of collations {text}";
    unknown_collation(name) = 1273, "HY000", "Unknown collation: '{name}'";
    out_of_range(column, row) = 1264, "22003", "Out of range value for column '{column}' at row {row}";
    data_truncated(column, row) = 1265, "01000", "Data truncated for column '{column}' at row {row}";
    data_too_long(column, row) = 1406, "22001", "Data too long for column '{column}' at row {row}";
    truncated_wrong(kind, value) = 1292, "22007", "Incorrect {kind} value: '{value}'";
    truncated_wrong_column(kind, value, column, row) = 1292, "22007", "Incorrect {kind} value: '{value}' for column '{column}' at row {row}";
    incorrect_value(kind, value, column, row) = 1366, "HY000", "Incorrect {kind} value: '{value}' for column '{column}' at row {row}";
    no_default(column) = 1364, "HY000", "Field '{column}' doesn't have a default value";
    unknown_routine(kind, name) = 1305, "42000", "{kind} {name} does not exist";
    routine_exists(kind, name) = 1304, "42000", "{kind} {name} already exists";
    routine_arguments(kind, name, want, got) = 1318, "42000", "Incorrect number of arguments for {kind} {name}; expected {want}, got {got}";
    savepoint_missing(name) = 1305, "42000", "SAVEPOINT {name} does not exist";
    query_interrupted() = 1317, "70100", "Query execution was interrupted";
    unknown_time_zone(name) = 1298, "HY000", "Unknown or incorrect time zone: '{name}'";
    data_out_of_range(kind, expr) = 1690, "22003", "{kind} value is out of range in '{expr}'";
    view_exists(name) = 1050, "42S01", "Table '{name}' already exists";
    wrong_object(db, name, kind) = 1347, "HY000", "'{db}.{name}' is not {kind}";
    view_invalid(db, name) = 1356, "HY000", "View '{db}.{name}' references invalid table(s) or column(s) or function(s) or definer/invoker of view lack rights to use them";
    view_columns() = 1353, "HY000", "In definition of view, derived table or common table expression, SELECT list and column names list have different column counts";
    non_insertable(name) = 1471, "HY000", "The target table {name} of the INSERT is not insertable-into";
    non_updatable(name, what) = 1288, "HY000", "The target table {name} of the {what} is not updatable";
    fk_parent(text) = 1451, "23000", "Cannot delete or update a parent row: a foreign key constraint fails ({text})";
    fk_child(text) = 1452, "23000", "Cannot add or update a child row: a foreign key constraint fails ({text})";
    fk_no_index(name, table) = 1822, "HY000", "Failed to add the foreign key constraint. Missing index for constraint '{name}' in the referenced table '{table}'";
    fk_missing_column(column, name) = 1072, "42000", "Key column '{column}' doesn't exist in table";
    fk_no_parent(table) = 1824, "HY000", "Failed to open the referenced table '{table}'";
    fk_incompatible(child, parent, name) = 3780, "HY000", "Referencing column '{child}' and referenced column '{parent}' in foreign key constraint '{name}' are incompatible.";
    fk_drop_parent(table, name, child) = 3730, "HY000", "Cannot drop table '{table}' referenced by a foreign key constraint '{name}' on table '{child}'.";
    fk_index_needed(index) = 1553, "HY000", "Cannot drop index '{index}': needed in a foreign key constraint";
    fk_column_needed(column, name) = 1828, "HY000", "Cannot drop column '{column}': needed in a foreign key constraint '{name}'";
    fk_truncate(text) = 1701, "42000", "Cannot truncate a table referenced in a foreign key constraint ({text})";
    fk_duplicate_name(name) = 1826, "HY000", "Duplicate foreign key constraint name '{name}'";
    fk_wrong_columns(name) = 1239, "42000", "Incorrect foreign key definition for '{name}': Key reference and table reference don't match";
    autoinc_exhausted() = 1467, "HY000", "Failed to read auto-increment value from storage engine";
    check_violated(name) = 3819, "HY000", "Check constraint '{name}' is violated.";
    check_missing(name) = 3821, "HY000", "Check constraint '{name}' is not found in the table.";
    check_duplicate(name) = 3822, "HY000", "Duplicate check constraint name '{name}'.";
    constraint_missing(name) = 3940, "HY000", "Constraint '{name}' does not exist.";
    check_dependent_column(name, column) = 3959, "HY000", "Check constraint '{name}' uses column '{column}', hence column cannot be dropped or renamed.";
    generated_value(column, table) = 3105, "HY000", "The value specified for generated column '{column}' in table '{table}' is not allowed.";
    generated_dependent(column) = 3108, "HY000", "Column '{column}' has a generated column dependency.";
    invalid_json_text(function, position, text) = 3141, "22032", "Invalid JSON text in argument {position} to function {function}: \"{text}\" at position 0.";
    invalid_json_path(text) = 3143, "42000", "Invalid JSON path expression. {text}";
    recursion_limit(n) = 3636, "HY000", "Recursive query aborted after {n} iterations. Try increasing @@cte_max_recursion_depth to a larger value.";
    nonaggregated(n, column) = 1055, "42000", "Expression #{n} of SELECT list is not in GROUP BY clause and contains nonaggregated column '{column}' which is not functionally dependent on columns in GROUP BY clause; this is incompatible with sql_mode=only_full_group_by";
    mixed_aggregate(n, column) = 1140, "42000", "In aggregated query without GROUP BY, expression #{n} of SELECT list contains nonaggregated column '{column}'; this is incompatible with sql_mode=only_full_group_by";
    wrong_parameter_count(name) = 1582, "42000", "Incorrect parameter count in the call to native function '{name}'";
    unknown_function(name) = 1305, "42000", "FUNCTION {name} does not exist";
    read_only() = 1792, "25006", "Cannot execute statement in a READ ONLY transaction.";
    disk_full(what) = 1021, "HY000", "Disk full ({what}); waiting for someone to free some space... (errno: 28 - No space left on device)";
    server_read_only(option) = 1290, "HY000", "The MySQL server is running with the {option} option so it cannot execute this statement";
    user_exists(op, users) = 1396, "HY000", "Operation {op} failed for {users}";
    packet_too_large() = 1153, "08S01", "Got a packet bigger than 'max_allowed_packet' bytes";
    too_many_connections() = 1040, "08004", "Too many connections";
    key_too_long(max) = 1071, "42000", "Specified key was too long; max key length is {max} bytes";
    row_too_large(max) = 1118, "42000", "Row size too large. The maximum row size for the used table type, not counting BLOBs, is {max}. This includes storage overhead, check the manual. You have to change some columns to TEXT or BLOBs";
    duplicate_value_in(column, value, kind) = 1291, "HY000", "Column '{column}' has duplicated value '{value}' in {kind}";
    subkey_length() = 1089, "HY000", "Incorrect prefix key; the used key part isn't a string, the used length is longer than the key part, or the storage engine doesn't support unique prefix keys";
    wrong_field_scale(scale, column, max) = 1425, "42000", "Too big scale {scale} specified for column '{column}'. Maximum is {max}.";
    wrong_field_precision(precision, column, max) = 1426, "42000", "Too-big precision {precision} specified for '{column}'. Maximum is {max}.";
    scale_above_precision(column) = 1427, "42000", "For float(M,D), double(M,D) or decimal(M,D), M must be >= D (column '{column}').";
}

impl Error {
    /// An error with any number; for the few texts that are Dolt's own use [`Error::general`].
    pub fn new(code: u16, state: &str, message: impl Into<String>) -> Error {
        Error {
            code,
            state: SqlState::new(state),
            message: message.into(),
        }
    }
}

impl Error {
    /// The same with another text, unless its number says more than that something failed.
    pub fn within(self, text: impl FnOnce(&str) -> String) -> Error {
        match self.code {
            1105 => Error::general(text(&self.message)),
            _ => self,
        }
    }
}

/// A failure of the storage below, as a client sees it.
pub fn storage(e: impl std::error::Error + 'static) -> Error {
    let mut at: Option<&(dyn std::error::Error + 'static)> = Some(&e);
    while let Some(cause) = at {
        let io = cause
            .downcast_ref::<std::io::Error>()
            .or_else(|| cause.downcast_ref::<Arc<std::io::Error>>().map(|e| &**e));
        if let Some(io) = io
            && io.kind() == std::io::ErrorKind::StorageFull
        {
            return Error::disk_full(&e);
        }
        at = cause.source();
    }
    Error::general(e)
}

/// Lets `?` carry errors of the storage crates.
macro_rules! from_storage {
    ($($ty:ty),*) => {
        $(impl From<$ty> for Error {
            fn from(e: $ty) -> Error {
                storage(e)
            }
        })*
    };
}

from_storage!(
    chunks::ChunkError,
    prolly::ProllyError,
    model::ModelError,
    values::Error,
    std::io::Error
);
