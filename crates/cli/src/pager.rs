//! Long output before a person: shown by `DOLT_PAGER`, `less` or `more`, if a terminal shows it.

use std::io::{IsTerminal, Write};
use std::process::{Child, Command, Stdio};

/// How `less` shows it: as colours, without wrapping, and not at all if it fits.
const LESS: &[&str] = &["-FSRXd"];

/// Where output goes.
pub enum Pager {
    /// Straight to standard output.
    Plain(std::io::Stdout),
    /// To a program.
    Program(Child),
}

fn spawn(program: &str, args: &[&str]) -> Option<Child> {
    Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .spawn()
        .ok()
}

impl Pager {
    /// Begins to show.
    pub fn start() -> Pager {
        if !std::io::stdout().is_terminal() {
            return Pager::Plain(std::io::stdout());
        }
        let own = std::env::var("DOLT_PAGER").unwrap_or_default();
        let mut words = own.split_whitespace();
        let mut program = None;
        if let Some(name) = words.next() {
            program = spawn(name, &words.collect::<Vec<_>>());
            if program.is_none() {
                eprintln!(
                    "warning: specified pager '{name}' not found, falling back to less or more"
                );
            }
        }
        let program = program
            .or_else(|| spawn("less", LESS))
            .or_else(|| spawn("more", &[]));
        match program {
            Some(program) => Pager::Program(program),
            None => Pager::Plain(std::io::stdout()),
        }
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Pager::Plain(out) => out.write(bytes),
            Pager::Program(program) => match &mut program.stdin {
                // Whoever has seen enough closes the program.
                Some(pipe) => match pipe.write(bytes) {
                    Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(bytes.len()),
                    other => other,
                },
                None => Ok(bytes.len()),
            },
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Pager::Plain(out) => out.flush(),
            Pager::Program(_) => Ok(()),
        }
    }
}

impl Drop for Pager {
    fn drop(&mut self) {
        if let Pager::Program(program) = self {
            drop(program.stdin.take());
            // It restores the terminal before it ends.
            let _ = program.wait();
        }
    }
}

/// Shows a text.
pub fn show(text: &[u8]) -> std::io::Result<()> {
    let mut pager = Pager::start();
    pager.write_all(text)?;
    pager.flush()
}
