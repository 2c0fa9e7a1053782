//! Expressions of rules: `%` stands for any run of characters, `_` for one, `\` takes the next
//! character as it is. They are kept folded (spec 04 §11).

use values::CollationId;

/// One character, by its place in the order of the column's collation, or a wildcard.
pub const ONE: i32 = -1;
/// Any run of characters.
pub const ANY: i32 = -2;

/// The shortest expression that means the same: `%%` is `%`, `%_` is `_%`.
pub fn fold(text: &str) -> String {
    let mut text = text.to_string();
    loop {
        let mut out = String::with_capacity(text.len());
        let mut escaped = false;
        let mut any = false;
        for c in text.chars() {
            if std::mem::take(&mut escaped) {
                out.push(c);
            } else if std::mem::take(&mut any) {
                match c {
                    '_' => out.push_str("_%"),
                    '%' => out.push('%'),
                    c => {
                        out.push('%');
                        out.push(c);
                        escaped = c == '\\';
                    }
                }
            } else if c == '%' {
                any = true;
            } else {
                escaped = c == '\\';
                out.push(c);
            }
        }
        if any {
            out.push('%');
        }
        if out == text {
            return out;
        }
        text = out;
    }
}

/// The elements of an expression.
pub fn elements(expression: &str, collation: CollationId) -> Vec<i32> {
    let collation = collation.get();
    let mut out = Vec::with_capacity(expression.len());
    let mut escaped = false;
    for c in expression.chars() {
        match c {
            c if std::mem::take(&mut escaped) => out.push(collation.weight(c as u32)),
            '\\' => escaped = true,
            '%' => out.push(ANY),
            '_' => out.push(ONE),
            c => out.push(collation.weight(c as u32)),
        }
    }
    out
}

/// The elements of a name, in which no character is a wildcard.
pub fn literal(name: &str, collation: CollationId) -> Vec<i32> {
    let collation = collation.get();
    name.chars().map(|c| collation.weight(c as u32)).collect()
}

/// Whether an expression covers everything that these elements stand for.
pub fn covers(expression: &[i32], name: &[i32]) -> bool {
    // Where to go on after the last `%`, and how much of the name it has taken.
    let mut retry: Option<(usize, usize)> = None;
    let (mut e, mut n) = (0, 0);
    while n < name.len() {
        let fits = match expression.get(e) {
            Some(&ANY) => {
                retry = Some((e + 1, n));
                e += 1;
                continue;
            }
            Some(&ONE) => name[n] >= ONE,
            Some(x) => *x == name[n],
            None => false,
        };
        if fits {
            e += 1;
            n += 1;
            continue;
        }
        let Some((after, taken)) = &mut retry else {
            return false;
        };
        *taken += 1;
        (e, n) = (*after, *taken);
    }
    expression[e..].iter().all(|x| *x == ANY)
}
