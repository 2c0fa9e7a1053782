//! `${NAME}` in a configuration, replaced before YAML is parsed (spec 06 §11.2).

/// Replaces each `${NAME}` by what `lookup` gives, and `$$` by `$`.
pub fn interpolate(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
            continue;
        }
        let Some(body) = after.strip_prefix('{') else {
            out.push('$');
            rest = after;
            continue;
        };
        let Some(end) = body.find('}') else {
            let before = &text[..text.len() - rest.len() + at];
            let line = before.matches('\n').count() + 1;
            let column = before.len() - before.rfind('\n').map_or(0, |n| n + 1) + 1;
            return Err(format!(
                "unterminated environment placeholder (line {line}, column {column})"
            ));
        };
        let name = &body[..end];
        if name.is_empty() {
            return Err("invalid environment placeholder: empty variable name".to_string());
        }
        if name.contains(":-") {
            return Err(format!(
                "environment variable default expressions are not supported (found \"{name}\")"
            ));
        }
        let first_fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !first_fits || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("invalid environment variable name \"{name}\""));
        }
        match lookup(name).filter(|v| !v.is_empty()) {
            Some(value) => out.push_str(&value),
            None => {
                return Err(format!(
                    "environment variable \"{name}\" is not set or empty"
                ));
            }
        }
        rest = &body[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders() {
        let env = |n: &str| (n == "PORT").then(|| "3307".to_string());
        assert_eq!(
            interpolate("port: ${PORT} $$x $y", env).as_deref(),
            Ok("port: 3307 $x $y")
        );
        for (text, error) in [
            ("${NO}", "environment variable \"NO\" is not set or empty"),
            (
                "a\n b ${X",
                "unterminated environment placeholder (line 2, column 4)",
            ),
            (
                "${}",
                "invalid environment placeholder: empty variable name",
            ),
            ("${1x}", "invalid environment variable name \"1x\""),
            (
                "${x:-y}",
                "environment variable default expressions are not supported (found \"x:-y\")",
            ),
        ] {
            assert_eq!(interpolate(text, env), Err(error.to_string()));
        }
    }
}
