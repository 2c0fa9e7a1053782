//! The MySQL wire protocol, authentication, TLS and server configuration.
