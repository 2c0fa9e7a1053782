//! What is asked of a person at a terminal.

use std::io::{BufRead, IsTerminal, Write};

use crate::Failure;

/// Asks for a password, which is not shown as it is typed.
pub fn ask_password() -> Result<String, Failure> {
    print!("Enter password: ");
    std::io::stdout().flush()?;
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::new(
            "Failed to parse credentials: inappropriate ioctl for device",
        ));
    }
    let shown = rustix::termios::tcgetattr(&stdin)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(rustix::termios::LocalModes::ECHO);
    rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Flush, &hidden)?;
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Flush, &shown)?;
    println!();
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_string())
}
