//! `dolt_help`: what procedures do.

use std::sync::{Arc, LazyLock};

use values::{CollationId, Json, LobSize, OwnedValue, SqlType, Value};

use super::{LONGTEXT, TableMaker, column, emit_all, key, text};
use crate::virtual_table::VirtualTable;

const TEXTS: &str = include_str!("../../../data/procedure_help.txt");

/// What is said of one procedure.
#[derive(Default)]
struct Help {
    name: &'static str,
    command: String,
    forms: Vec<&'static str>,
    short: &'static str,
    long: &'static str,
    options: Vec<(&'static str, &'static str)>,
}

static HELP: LazyLock<Vec<Help>> = LazyLock::new(|| {
    let entries = TEXTS.split("\n\n").filter(|e| !e.starts_with('#'));
    entries.map(entry).collect()
});

fn entry(text: &'static str) -> Help {
    let mut lines = text.lines().filter(|l| !l.is_empty());
    let first = lines.next().unwrap_or_default();
    let (name, command) = match first.split_once('\t') {
        Some((name, command)) => (name, command.to_string()),
        None => (first, first.replace('_', " ")),
    };
    let mut help = Help {
        name,
        command,
        ..Help::default()
    };
    for line in lines {
        if let Some(short) = line.strip_prefix("= ") {
            help.short = short;
        } else if let Some(long) = line.strip_prefix(": ") {
            help.long = long;
        } else if let Some(option) = line.split_once('\t') {
            help.options.push(option);
        } else {
            help.forms.push(line);
        }
    }
    help
}

impl Help {
    fn row(&self) -> Vec<OwnedValue> {
        let forms = self.forms.iter().map(|f| format!("{} {f}", self.command));
        let options = self
            .options
            .iter()
            .map(|(o, what)| (Box::from(*o), Json::string(*what)));
        vec![
            text(self.name),
            // The second of the types.
            Value::UInt(2),
            text(forms.collect::<Vec<_>>().join("\n")),
            text(self.short),
            text(self.long),
            Value::Json(Json::object(options)),
        ]
    }
}

/// The table.
pub fn help(maker: &TableMaker) -> Arc<dyn VirtualTable> {
    let types = ["system_table", "procedure", "function", "variable"];
    let types: Arc<[Box<str>]> = types.into_iter().map(Box::from).collect();
    let columns = vec![
        key("name", SqlType::Text(LobSize::Tiny, CollationId::DEFAULT)),
        column("type", SqlType::Enum(types, CollationId::DEFAULT)),
        column("synopsis", LONGTEXT),
        column("short_description", LONGTEXT),
        column("long_description", LONGTEXT),
        column("arguments", SqlType::Json),
    ];
    maker.table(columns, |_, emit| {
        emit_all(HELP.iter().map(Help::row), emit)
    })
}

#[cfg(test)]
mod tests {
    use super::HELP;

    #[test]
    fn every_entry_is_of_a_procedure_and_whole() {
        assert_eq!(HELP.len(), 21);
        for help in HELP.iter() {
            assert!(crate::dolt::has_procedure(help.name), "{}", help.name);
            assert!(!help.forms.is_empty() && !help.short.is_empty() && !help.long.is_empty());
        }
    }
}
