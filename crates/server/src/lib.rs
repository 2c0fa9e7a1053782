//! The MySQL wire protocol, authentication, TLS and server configuration.
//!
//! Nothing here knows SQL: a [`Backend`] opens sessions, a session runs statements and gives
//! their results to a sink that writes packets. Each connection has a thread of its own, which
//! reads a command, runs it and writes the answer without handing it to another thread.

mod authenticate;
mod backend;
mod binary_row;
mod capability;
mod channel;
pub mod client;
mod config;
mod config_file;
mod connection;
mod engine_backend;
mod environment;
mod flags;
pub mod handshake;
mod info_file;
mod listener;
mod log;
mod metrics;
pub mod parameters;
mod result_writer;
mod start;
mod stream;
pub mod tls;
pub mod wire_format;
mod yaml;

pub use backend::{Backend, BackendSession, InterruptHandle, Login, PreparedInfo};
pub use config::{Config, ConfigError};
pub use engine_backend::{EngineBackend, EngineOpener, run};
pub use flags::{Invocation, parse_args};
pub use info_file::{Info, find as find_running_server, read as running_server_in};
pub use listener::{ConnectionConfig, Server, Stopper};
pub use log::{Level, Logger};
pub use start::{LOCAL_USER, Opener, run_with};
