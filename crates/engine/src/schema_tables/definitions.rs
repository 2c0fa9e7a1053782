//! Columns of the tables of the server's own databases.

use values::{CollationId, LobSize, SqlType};

use super::SystemTable;
use crate::show::NAMES;
use crate::virtual_table::VirtualColumn;

const INFORMATION: &str = include_str!("../../data/system_columns.tsv");

/// Name of a table, and its columns by name and kind: `w` word, `t` text, `n` number, `d` moment,
/// `f` number with a fraction; in capitals when NULL is possible.
type Plain = (&'static str, &'static str);

/// Privileges of `mysql.user` in the order of its columns, with the privilege that each shows.
pub(super) const USER_PRIVILEGES: &[(&str, &str)] = &[
    ("Select_priv", "SELECT"),
    ("Insert_priv", "INSERT"),
    ("Update_priv", "UPDATE"),
    ("Delete_priv", "DELETE"),
    ("Create_priv", "CREATE"),
    ("Drop_priv", "DROP"),
    ("Reload_priv", "RELOAD"),
    ("Shutdown_priv", "SHUTDOWN"),
    ("Process_priv", "PROCESS"),
    ("File_priv", "FILE"),
    ("Grant_priv", "GRANT OPTION"),
    ("References_priv", "REFERENCES"),
    ("Index_priv", "INDEX"),
    ("Alter_priv", "ALTER"),
    ("Show_db_priv", "SHOW DATABASES"),
    ("Super_priv", "SUPER"),
    ("Create_tmp_table_priv", "CREATE TEMPORARY TABLES"),
    ("Lock_tables_priv", "LOCK TABLES"),
    ("Execute_priv", "EXECUTE"),
    ("Repl_slave_priv", "REPLICATION SLAVE"),
    ("Repl_client_priv", "REPLICATION CLIENT"),
    ("Create_view_priv", "CREATE VIEW"),
    ("Show_view_priv", "SHOW VIEW"),
    ("Create_routine_priv", "CREATE ROUTINE"),
    ("Alter_routine_priv", "ALTER ROUTINE"),
    ("Create_user_priv", "CREATE USER"),
    ("Event_priv", "EVENT"),
    ("Trigger_priv", "TRIGGER"),
    ("Create_tablespace_priv", "CREATE TABLESPACE"),
];

/// Privileges of `mysql.db` in the order of its columns.
pub(super) const DB_PRIVILEGES: &[(&str, &str)] = &[
    ("Select_priv", "SELECT"),
    ("Insert_priv", "INSERT"),
    ("Update_priv", "UPDATE"),
    ("Delete_priv", "DELETE"),
    ("Create_priv", "CREATE"),
    ("Drop_priv", "DROP"),
    ("Grant_priv", "GRANT OPTION"),
    ("References_priv", "REFERENCES"),
    ("Index_priv", "INDEX"),
    ("Alter_priv", "ALTER"),
    ("Create_tmp_table_priv", "CREATE TEMPORARY TABLES"),
    ("Lock_tables_priv", "LOCK TABLES"),
    ("Create_view_priv", "CREATE VIEW"),
    ("Show_view_priv", "SHOW VIEW"),
    ("Create_routine_priv", "CREATE ROUTINE"),
    ("Alter_routine_priv", "ALTER ROUTINE"),
    ("Execute_priv", "EXECUTE"),
    ("Event_priv", "EVENT"),
    ("Trigger_priv", "TRIGGER"),
];

const MYSQL: &[Plain] = &[
    (
        "tables_priv",
        "Host:w Db:w User:w Table_name:w Grantor:w Timestamp:d Table_priv:t Column_priv:t",
    ),
    (
        "columns_priv",
        "Host:w Db:w User:w Table_name:w Column_name:w Timestamp:d Column_priv:t",
    ),
    (
        "procs_priv",
        "Host:w Db:w User:w Routine_name:w Routine_type:w Grantor:w Proc_priv:t Timestamp:d",
    ),
    (
        "proxies_priv",
        "Host:w User:w Proxied_host:w Proxied_user:w With_grant:n Grantor:w Timestamp:d",
    ),
    ("global_grants", "USER:w HOST:w PRIV:w WITH_GRANT_OPTION:w"),
    (
        "role_edges",
        "FROM_HOST:w FROM_USER:w TO_HOST:w TO_USER:w WITH_ADMIN_OPTION:w",
    ),
    (
        "default_roles",
        "HOST:w USER:w DEFAULT_ROLE_HOST:w DEFAULT_ROLE_USER:w",
    ),
    (
        "password_history",
        "Host:w User:w Password_timestamp:d Password:T",
    ),
    (
        "help_topic",
        "help_topic_id:n name:w help_category_id:n description:t example:t url:t",
    ),
    ("help_keyword", "help_keyword_id:n name:w"),
    (
        "help_category",
        "help_category_id:n name:w parent_category_id:N url:t",
    ),
    ("help_relation", "help_topic_id:n help_keyword_id:n"),
    ("time_zone", "Time_zone_id:n Use_leap_seconds:w"),
    ("time_zone_name", "Name:w Time_zone_id:n"),
    ("time_zone_leap_second", "Transition_time:n Correction:n"),
    (
        "time_zone_transition",
        "Time_zone_id:n Transition_time:n Transition_type_id:n",
    ),
    (
        "time_zone_transition_type",
        "Time_zone_id:n Transition_type_id:n Offset:n Is_DST:n Abbreviation:w",
    ),
    ("plugin", "name:w dl:w"),
    (
        "component",
        "component_id:n component_group_id:n component_urn:t",
    ),
    ("func", "name:w ret:n dl:w type:w"),
    (
        "servers",
        "Server_name:w Host:w Db:w Username:w Password:w Port:n Socket:w Wrapper:w Owner:w",
    ),
    (
        "proc",
        "db:w name:w type:w specific_name:w language:w sql_data_access:w is_deterministic:w security_type:w param_list:t returns:t body:t definer:w created:d modified:d sql_mode:w comment:t character_set_client:W collation_connection:W db_collation:W body_utf8:T",
    ),
    (
        "event",
        "db:w name:w body:t definer:w execute_at:D interval_value:N interval_field:W created:d modified:d last_executed:D starts:D ends:D status:w on_completion:w sql_mode:w comment:w originator:n time_zone:w character_set_client:W collation_connection:W db_collation:W body_utf8:T",
    ),
    (
        "general_log",
        "event_time:d user_host:t thread_id:n server_id:n command_type:w argument:t",
    ),
    (
        "slow_log",
        "start_time:d user_host:t query_time:w lock_time:w rows_sent:n rows_examined:n db:w last_insert_id:n insert_id:n server_id:n sql_text:t thread_id:n",
    ),
    (
        "server_cost",
        "cost_name:w cost_value:F last_update:d comment:W default_value:F",
    ),
    (
        "engine_cost",
        "engine_name:w device_type:n cost_name:w cost_value:F last_update:d comment:W default_value:F",
    ),
    (
        "gtid_executed",
        "source_uuid:w interval_start:n interval_end:n",
    ),
    (
        "innodb_table_stats",
        "database_name:w table_name:w last_update:d n_rows:n clustered_index_size:n sum_of_other_index_sizes:n",
    ),
    (
        "innodb_index_stats",
        "database_name:w table_name:w index_name:w last_update:d stat_name:w stat_value:n sample_size:N stat_description:w",
    ),
    (
        "slave_master_info",
        "Number_of_lines:n Master_log_name:t Master_log_pos:n Host:W User_name:T User_password:T Port:n Connect_retry:n Enabled_ssl:n Ssl_ca:T Ssl_capath:T Ssl_cert:T Ssl_cipher:T Ssl_key:T Ssl_verify_server_cert:n Heartbeat:f Bind:T Ignored_server_ids:T Uuid:T Retry_count:n Ssl_crl:T Ssl_crlpath:T Enabled_auto_position:n Channel_name:w Tls_version:T Public_key_path:T Get_public_key:n Network_namespace:T Master_compression_algorithm:w Master_zstd_compression_level:n Tls_ciphersuites:T Source_connection_auto_failover:n Gtid_only:n",
    ),
    (
        "slave_relay_log_info",
        "Number_of_lines:n Relay_log_name:T Relay_log_pos:N Master_log_name:T Master_log_pos:N Sql_delay:N Number_of_workers:N Id:N Channel_name:w",
    ),
];

const PERFORMANCE: &[Plain] = &[
    ("global_variables", "VARIABLE_NAME:w VARIABLE_VALUE:T"),
    ("session_variables", "VARIABLE_NAME:w VARIABLE_VALUE:T"),
    ("persisted_variables", "VARIABLE_NAME:w VARIABLE_VALUE:T"),
    (
        "variables_by_thread",
        "THREAD_ID:n VARIABLE_NAME:w VARIABLE_VALUE:T",
    ),
    (
        "user_variables_by_thread",
        "THREAD_ID:n VARIABLE_NAME:w VARIABLE_VALUE:T",
    ),
    (
        "variables_info",
        "VARIABLE_NAME:w VARIABLE_SOURCE:w VARIABLE_PATH:W MIN_VALUE:W MAX_VALUE:W SET_TIME:D SET_USER:W SET_HOST:W",
    ),
    ("global_status", "VARIABLE_NAME:w VARIABLE_VALUE:T"),
    ("session_status", "VARIABLE_NAME:w VARIABLE_VALUE:T"),
    (
        "processlist",
        "ID:n USER:W HOST:W DB:W COMMAND:W TIME:N STATE:W INFO:T EXECUTION_ENGINE:W",
    ),
    (
        "threads",
        "THREAD_ID:n NAME:w TYPE:w PROCESSLIST_ID:N PROCESSLIST_USER:W PROCESSLIST_HOST:W PROCESSLIST_DB:W PROCESSLIST_COMMAND:W PROCESSLIST_TIME:N PROCESSLIST_STATE:W PROCESSLIST_INFO:T PARENT_THREAD_ID:N ROLE:W INSTRUMENTED:w HISTORY:w CONNECTION_TYPE:W THREAD_OS_ID:N RESOURCE_GROUP:W",
    ),
    (
        "data_locks",
        "ENGINE:w ENGINE_LOCK_ID:w ENGINE_TRANSACTION_ID:N THREAD_ID:N EVENT_ID:N OBJECT_SCHEMA:W OBJECT_NAME:W PARTITION_NAME:W SUBPARTITION_NAME:W INDEX_NAME:W OBJECT_INSTANCE_BEGIN:n LOCK_TYPE:w LOCK_MODE:w LOCK_STATUS:w LOCK_DATA:T",
    ),
    (
        "data_lock_waits",
        "ENGINE:w REQUESTING_ENGINE_LOCK_ID:w REQUESTING_ENGINE_TRANSACTION_ID:N REQUESTING_THREAD_ID:N REQUESTING_EVENT_ID:N REQUESTING_OBJECT_INSTANCE_BEGIN:n BLOCKING_ENGINE_LOCK_ID:w BLOCKING_ENGINE_TRANSACTION_ID:N BLOCKING_THREAD_ID:N BLOCKING_EVENT_ID:N BLOCKING_OBJECT_INSTANCE_BEGIN:n",
    ),
    (
        "metadata_locks",
        "OBJECT_TYPE:w OBJECT_SCHEMA:W OBJECT_NAME:W COLUMN_NAME:W OBJECT_INSTANCE_BEGIN:n LOCK_TYPE:w LOCK_DURATION:w LOCK_STATUS:w SOURCE:W OWNER_THREAD_ID:N OWNER_EVENT_ID:N",
    ),
    (
        "replication_group_members",
        "CHANNEL_NAME:w MEMBER_ID:w MEMBER_HOST:w MEMBER_PORT:N MEMBER_STATE:w MEMBER_ROLE:w MEMBER_VERSION:w MEMBER_COMMUNICATION_STACK:w",
    ),
    (
        "replication_connection_status",
        "CHANNEL_NAME:w GROUP_NAME:w SOURCE_UUID:w THREAD_ID:N SERVICE_STATE:w COUNT_RECEIVED_HEARTBEATS:n LAST_HEARTBEAT_TIMESTAMP:d RECEIVED_TRANSACTION_SET:t LAST_ERROR_NUMBER:n LAST_ERROR_MESSAGE:t LAST_ERROR_TIMESTAMP:d",
    ),
    (
        "events_statements_summary_by_digest",
        "SCHEMA_NAME:W DIGEST:W DIGEST_TEXT:T COUNT_STAR:n SUM_TIMER_WAIT:n MIN_TIMER_WAIT:n AVG_TIMER_WAIT:n MAX_TIMER_WAIT:n SUM_ERRORS:n SUM_WARNINGS:n SUM_ROWS_AFFECTED:n SUM_ROWS_SENT:n SUM_ROWS_EXAMINED:n FIRST_SEEN:d LAST_SEEN:d",
    ),
    (
        "session_account_connect_attrs",
        "PROCESSLIST_ID:n ATTR_NAME:w ATTR_VALUE:T ORDINAL_POSITION:N",
    ),
    (
        "session_connect_attrs",
        "PROCESSLIST_ID:n ATTR_NAME:w ATTR_VALUE:T ORDINAL_POSITION:N",
    ),
    (
        "setup_instruments",
        "NAME:w ENABLED:w TIMED:W PROPERTIES:w VOLATILITY:n DOCUMENTATION:T",
    ),
    ("setup_consumers", "NAME:w ENABLED:w"),
    ("keyring_keys", "KEY_ID:w KEY_OWNER:W BACKEND_KEY_ID:W"),
];

fn plain_type(kind: char) -> SqlType {
    match kind.to_ascii_lowercase() {
        'n' => SqlType::BIGINT,
        't' => SqlType::Text(LobSize::Long, NAMES),
        'd' => SqlType::Timestamp(0),
        'f' => SqlType::Double,
        _ => SqlType::VarChar(255, NAMES),
    }
}

fn plain(db: &'static str, (name, columns): &Plain) -> SystemTable {
    let columns = columns
        .split(' ')
        .filter_map(|c| c.split_once(':'))
        .map(|(name, kind)| {
            let kind = kind.chars().next().unwrap_or('w');
            VirtualColumn::new(name, plain_type(kind), kind.is_ascii_uppercase())
        })
        .collect();
    SystemTable {
        db,
        name: name.to_string(),
        columns,
    }
}

/// The type of a column of information_schema. Words that MySQL keeps as ENUM or SET are text.
fn information_type(text: &str, collation: &str) -> SqlType {
    let id = values::collation::by_name(collation).map_or(NAMES, |c| c.id);
    if text.starts_with("enum(") {
        return SqlType::VarChar(64, id);
    }
    if text.starts_with("set(") {
        return SqlType::VarChar(1024, id);
    }
    match SqlType::from_stored_text(text) {
        Ok(ty) => ty.with_collation(id),
        Err(_) => SqlType::VarChar(255, id),
    }
}

fn information() -> Vec<SystemTable> {
    let mut out: Vec<SystemTable> = Vec::new();
    for line in INFORMATION.lines().skip(1) {
        let f: Vec<&str> = line.split('\t').collect();
        let (Some(table), Some(column), Some(ty), Some(null)) =
            (f.get(1), f.get(3), f.get(4), f.get(5))
        else {
            continue;
        };
        let collation = f.get(8).copied().unwrap_or("NULL");
        let name = table.to_ascii_uppercase();
        if out.last().is_none_or(|t| t.name != name) {
            out.push(SystemTable {
                db: "information_schema",
                name,
                columns: Vec::new(),
            });
        }
        if let Some(t) = out.last_mut() {
            t.columns.push(VirtualColumn::new(
                column,
                information_type(ty, collation),
                *null == "YES",
            ));
        }
    }
    out
}

fn user_table() -> SystemTable {
    let binary = SqlType::Text(LobSize::Regular, CollationId(83));
    let word = || SqlType::VarChar(255, NAMES);
    let flag = || SqlType::VarChar(1, NAMES);
    let mut columns = vec![
        VirtualColumn::new("Host", word(), false),
        VirtualColumn::new("User", SqlType::VarChar(32, CollationId(83)), false),
    ];
    columns.extend(
        USER_PRIVILEGES
            .iter()
            .map(|(n, _)| VirtualColumn::new(n, flag(), false)),
    );
    columns.push(VirtualColumn::new("ssl_type", word(), false));
    for name in ["ssl_cipher", "x509_issuer", "x509_subject"] {
        columns.push(VirtualColumn::new(name, binary.clone(), false));
    }
    for name in [
        "max_questions",
        "max_updates",
        "max_connections",
        "max_user_connections",
    ] {
        columns.push(VirtualColumn::new(name, SqlType::INT, false));
    }
    columns.push(VirtualColumn::new("plugin", word(), false));
    columns.push(VirtualColumn::new(
        "authentication_string",
        binary.clone(),
        true,
    ));
    columns.push(VirtualColumn::new("password_expired", flag(), false));
    columns.push(VirtualColumn::new(
        "password_last_changed",
        SqlType::Timestamp(0),
        true,
    ));
    columns.push(VirtualColumn::new("password_lifetime", SqlType::INT, true));
    for name in ["account_locked", "Create_role_priv", "Drop_role_priv"] {
        columns.push(VirtualColumn::new(name, flag(), false));
    }
    for name in ["Password_reuse_history", "Password_reuse_time"] {
        columns.push(VirtualColumn::new(name, SqlType::INT, true));
    }
    columns.push(VirtualColumn::new("Password_require_current", flag(), true));
    columns.push(VirtualColumn::new("User_attributes", SqlType::Json, true));
    columns.push(VirtualColumn::new("identity", binary, true));
    for c in &mut columns[..2] {
        c.primary_key = true;
    }
    SystemTable {
        db: "mysql",
        name: "user".to_string(),
        columns,
    }
}

fn db_table() -> SystemTable {
    let mut columns: Vec<VirtualColumn> = ["Host", "Db", "User"]
        .iter()
        .map(|n| VirtualColumn::new(n, SqlType::VarChar(255, NAMES), false))
        .collect();
    for c in &mut columns {
        c.primary_key = true;
    }
    columns.extend(
        DB_PRIVILEGES
            .iter()
            .map(|(n, _)| VirtualColumn::new(n, SqlType::VarChar(1, NAMES), false)),
    );
    SystemTable {
        db: "mysql",
        name: "db".to_string(),
        columns,
    }
}

/// Every table of the server's own databases.
pub(super) fn all() -> Vec<SystemTable> {
    let mut out = information();
    out.push(user_table());
    out.push(db_table());
    out.extend(MYSQL.iter().map(|t| plain("mysql", t)));
    out.extend(PERFORMANCE.iter().map(|t| plain("performance_schema", t)));
    out
}
