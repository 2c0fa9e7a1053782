//! The `dolt` command.

fn main() {}
