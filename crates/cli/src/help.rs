//! Help and usage texts, from the options that are parsed (spec 06 §1.5).

use crate::arguments::{Option_, Takes};

/// What a command is and takes.
#[derive(Clone, Copy)]
pub struct Help {
    /// Words of the command.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Forms of the arguments.
    pub synopsis: &'static [&'static str],
    /// Options.
    pub options: &'static [Option_],
}

fn placeholder(o: &Option_) -> String {
    match o.takes {
        Takes::Nothing | Takes::Count => String::new(),
        Takes::Value | Takes::List => format!("=<{}>", o.name),
    }
}

impl Help {
    /// The whole page.
    pub fn page(&self) -> String {
        let mut out = format!("NAME\n\tdolt {} - {}\n\nSYNOPSIS\n", self.name, self.about);
        for form in self.synopsis {
            out += &format!("\tdolt {} {form}\n", self.name);
        }
        out += &format!("\nDESCRIPTION\n\t{}\n\nOPTIONS\n", self.about);
        for o in self.options {
            let short = match o.short.is_empty() {
                true => String::new(),
                false => format!("-{}, ", o.short),
            };
            out += &format!("\t{short}--{}{}\n\n", o.name, placeholder(o));
        }
        out
    }

    /// What a wrong use is answered with.
    pub fn usage(&self) -> String {
        let mut out = String::new();
        for (i, form) in self.synopsis.iter().enumerate() {
            let word = if i == 0 { "usage:" } else { "   or:" };
            out += &format!("{word} dolt {} {form}\n", self.name);
        }
        out += &format!("\nSpecific dolt {} options\n", self.name);
        for o in self.options {
            let short = if o.short.is_empty() {
                String::new()
            } else {
                format!("-{}, ", o.short)
            };
            out += &format!("    {short}--{}{}\n", o.name, placeholder(o));
        }
        out
    }
}
