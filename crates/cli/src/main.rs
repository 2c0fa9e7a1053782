//! The `dolt` command: Dolt's command line over the engine.

mod arguments;
mod commands;
mod commit_text;
mod config;
mod connection;
mod credentials;
mod engine_words;
mod environment;
mod help;
mod line_diff;
mod line_editor;
mod local_time;
mod object_text;
mod pager;
mod parquet_values;
mod profile;
mod render;
mod repository;
mod server_history;
mod server_schemas;
mod style;
mod terminal;

use std::process::ExitCode;

/// Statements live on many small allocations; the system's allocator takes a quarter of the time
/// of a point select.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command ends with.
pub type Outcome = Result<u8, Failure>;

/// Why a command failed: text for standard error, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// The text, without the final newline; may be empty.
    pub text: String,
    /// Exit code.
    pub code: u8,
}

impl Failure {
    /// A failure with exit code 1.
    pub fn new(text: impl Into<String>) -> Failure {
        Failure {
            text: text.into(),
            code: 1,
        }
    }

    /// A failure with what caused it.
    pub fn caused(text: impl Into<String>, cause: &str) -> Failure {
        let indented = cause.replace('\n', "\n       ");
        Failure::new(format!("{}\ncause: {indented}", text.into()))
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(e: E) -> Failure {
        Failure::new(e.to_string())
    }
}

/// Lets the process have as many files open as it may: each finished file of a database stays
/// open, and so does each connection of a server.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Where it cannot be raised, what there is has to do.
    let _ = setrlimit(Resource::Nofile, most);
}

fn main() -> ExitCode {
    raise_file_limit();
    let args: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|a| a.to_string_lossy().into_owned())
        .collect();
    match commands::dispatch(args) {
        Ok(code) => ExitCode::from(code),
        Err(f) => {
            if !f.text.is_empty() {
                eprintln!("{}", f.text);
            }
            ExitCode::from(f.code)
        }
    }
}
