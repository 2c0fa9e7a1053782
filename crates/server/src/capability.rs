//! Numbers of the protocol: capabilities, status flags, commands.

/// Capabilities of server and client.
pub mod client {
    /// Better password hashing.
    pub const LONG_PASSWORD: u32 = 1;
    /// Rows that matched are reported, not rows that changed.
    pub const FOUND_ROWS: u32 = 1 << 1;
    /// All column flags.
    pub const LONG_FLAG: u32 = 1 << 2;
    /// A database is named in the handshake.
    pub const CONNECT_WITH_DB: u32 = 1 << 3;
    /// ODBC: has no effect.
    pub const ODBC: u32 = 1 << 6;
    /// LOAD DATA LOCAL.
    pub const LOCAL_FILES: u32 = 1 << 7;
    /// Blanks before `(`: has no effect.
    pub const IGNORE_SPACE: u32 = 1 << 8;
    /// Protocol 4.1: required.
    pub const PROTOCOL_41: u32 = 1 << 9;
    /// wait_timeout is interactive_timeout.
    pub const INTERACTIVE: u32 = 1 << 10;
    /// TLS.
    pub const SSL: u32 = 1 << 11;
    /// Status flags in OK packets.
    pub const TRANSACTIONS: u32 = 1 << 13;
    /// 4.1 authentication.
    pub const SECURE_CONNECTION: u32 = 1 << 15;
    /// Several statements in one COM_QUERY.
    pub const MULTI_STATEMENTS: u32 = 1 << 16;
    /// Several results of one COM_QUERY.
    pub const MULTI_RESULTS: u32 = 1 << 17;
    /// Several results of one COM_STMT_EXECUTE.
    pub const PS_MULTI_RESULTS: u32 = 1 << 18;
    /// Authentication plugins.
    pub const PLUGIN_AUTH: u32 = 1 << 19;
    /// Connection attributes.
    pub const CONNECT_ATTRS: u32 = 1 << 20;
    /// Long authentication data.
    pub const PLUGIN_AUTH_LENENC: u32 = 1 << 21;
    /// OK packets in place of EOF packets.
    pub const DEPRECATE_EOF: u32 = 1 << 24;
    /// Attributes of queries.
    pub const QUERY_ATTRIBUTES: u32 = 1 << 27;
}

/// What the server can; SSL is added when a certificate is configured. Session tracking is not
/// offered: nobody needs it, and it changes the form of OK packets.
pub const SERVER_CAPABILITIES: u32 = client::LONG_PASSWORD
    | client::FOUND_ROWS
    | client::LONG_FLAG
    | client::CONNECT_WITH_DB
    | client::ODBC
    | client::LOCAL_FILES
    | client::IGNORE_SPACE
    | client::PROTOCOL_41
    | client::INTERACTIVE
    | client::TRANSACTIONS
    | client::SECURE_CONNECTION
    | client::MULTI_STATEMENTS
    | client::MULTI_RESULTS
    | client::PS_MULTI_RESULTS
    | client::PLUGIN_AUTH
    | client::CONNECT_ATTRS
    | client::PLUGIN_AUTH_LENENC
    | client::DEPRECATE_EOF
    | client::QUERY_ATTRIBUTES;

/// Status flags.
pub mod status {
    /// Autocommit is on.
    pub const AUTOCOMMIT: u16 = 2;
    /// Another result follows.
    pub const MORE_RESULTS: u16 = 8;
    /// Rows wait to be fetched.
    pub const CURSOR_EXISTS: u16 = 0x40;
    /// The last row has been fetched.
    pub const LAST_ROW_SENT: u16 = 0x80;
}

/// Commands.
pub mod command {
    #![allow(missing_docs)] // each is the command of that name
    pub const QUIT: u8 = 0x01;
    pub const INIT_DB: u8 = 0x02;
    pub const QUERY: u8 = 0x03;
    pub const FIELD_LIST: u8 = 0x04;
    pub const STATISTICS: u8 = 0x09;
    pub const PROCESS_INFO: u8 = 0x0a;
    pub const PROCESS_KILL: u8 = 0x0c;
    pub const DEBUG: u8 = 0x0d;
    pub const PING: u8 = 0x0e;
    pub const CHANGE_USER: u8 = 0x11;
    pub const STMT_PREPARE: u8 = 0x16;
    pub const STMT_EXECUTE: u8 = 0x17;
    pub const STMT_SEND_LONG_DATA: u8 = 0x18;
    pub const STMT_CLOSE: u8 = 0x19;
    pub const STMT_RESET: u8 = 0x1a;
    pub const SET_OPTION: u8 = 0x1b;
    pub const STMT_FETCH: u8 = 0x1c;
    pub const RESET_CONNECTION: u8 = 0x1f;
}

/// Type codes of values that a client sends.
pub mod field {
    #![allow(missing_docs)] // each is the type of that name
    pub const DECIMAL: u8 = 0;
    pub const TINY: u8 = 1;
    pub const SHORT: u8 = 2;
    pub const LONG: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const DOUBLE: u8 = 5;
    pub const NULL: u8 = 6;
    pub const TIMESTAMP: u8 = 7;
    pub const LONGLONG: u8 = 8;
    pub const INT24: u8 = 9;
    pub const DATE: u8 = 10;
    pub const TIME: u8 = 11;
    pub const DATETIME: u8 = 12;
    pub const YEAR: u8 = 13;
    pub const NEWDATE: u8 = 14;
    pub const VARCHAR: u8 = 15;
    pub const BIT: u8 = 16;
    pub const TIMESTAMP2: u8 = 17;
    pub const DATETIME2: u8 = 18;
    pub const TIME2: u8 = 19;
    pub const BOOL: u8 = 244;
    pub const NEWDECIMAL: u8 = 246;
}
