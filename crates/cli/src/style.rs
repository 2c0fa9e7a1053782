//! Colours, and when there are any (spec 06 §6.2).

use std::io::IsTerminal;

/// Yellow.
pub const YELLOW: &str = "33";
/// Green.
pub const GREEN: &str = "32";
/// Red.
pub const RED: &str = "31";
/// Bright green.
pub const BRIGHT_GREEN: &str = "92";
/// Bright red.
pub const BRIGHT_RED: &str = "91";
/// Bright yellow.
pub const BRIGHT_YELLOW: &str = "93";
/// Cyan.
pub const CYAN: &str = "36";
/// Bold cyan.
pub const BOLD_CYAN: &str = "36;1";
/// Bold.
pub const BOLD: &str = "1";

fn refused() -> bool {
    std::env::var_os("NO_COLOR").is_some()
}

/// A text in a colour, whatever it is written to: what prints commits does so.
pub fn always(code: &str, text: &str) -> String {
    match refused() {
        true => text.to_string(),
        false => format!("\x1b[{code}m{text}\x1b[0m"),
    }
}

/// A text in a colour if a terminal shows it.
pub fn on_terminal(code: &str, text: &str) -> String {
    let dumb = std::env::var("TERM").is_ok_and(|t| t == "dumb");
    match !dumb && std::io::stdout().is_terminal() {
        true => always(code, text),
        false => text.to_string(),
    }
}

/// Whether somebody sits before the output.
pub fn is_interactive() -> bool {
    std::io::stdout().is_terminal()
        || std::env::var("DOLT_TEST_FORCE_OPEN_EDITOR").is_ok_and(|v| v == "1")
}
