//! stub
#[derive(Debug)]
pub struct Schema;
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct Error;
