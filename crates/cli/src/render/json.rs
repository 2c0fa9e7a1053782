//! `{"rows": [..]}` (spec 06 §7.3).

use std::io::{Result, Write};

use engine::result::ColumnMeta;
use values::SqlType;

use super::Renderer;

/// Rows as JSON objects with sorted keys; NULL columns are left out.
#[derive(Default)]
pub struct JsonRows {
    columns: Vec<(String, SqlType)>,
    any: bool,
}

impl Renderer for JsonRows {
    fn begin(&mut self, columns: &[ColumnMeta], _: &mut dyn Write) -> Result<()> {
        self.columns = columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect();
        self.any = false;
        Ok(())
    }

    fn row(&mut self, cells: Vec<Option<Vec<u8>>>, out: &mut dyn Write) -> Result<()> {
        let start: &[u8] = if self.any { b"," } else { b"{\"rows\": [" };
        out.write_all(start)?;
        self.any = true;
        let mut fields: Vec<(&str, String)> = Vec::new();
        for ((name, ty), cell) in self.columns.iter().zip(cells) {
            let Some(bytes) = cell else { continue };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let raw = match ty {
                SqlType::Int { .. } | SqlType::Float | SqlType::Double | SqlType::Year | SqlType::Bit(_) => true,
                SqlType::Json => true,
                _ => false,
            };
            let shown = match (raw, ty) {
                (true, SqlType::Json) => match values::Json::parse(&text) {
                    Ok(j) => String::from_utf8_lossy(&j.to_stored()).into_owned(),
                    Err(_) => text,
                },
                (true, _) => text,
                (false, _) => serde_json::to_string(&text)?,
            };
            fields.push((name, shown));
        }
        fields.sort_by(|a, b| a.0.cmp(b.0));
        let body: Vec<String> = fields
            .into_iter()
            .map(|(n, v)| Ok(format!("{}:{v}", serde_json::to_string(n)?)))
            .collect::<Result<_>>()?;
        write!(out, "{{{}}}", body.join(","))
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        let end: &[u8] = if self.any { b"]}\n" } else { b"{}\n" };
        out.write_all(end)
    }
}
