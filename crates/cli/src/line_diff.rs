//! Differences of texts by lines.

/// A line that both have, that only the first has, or that only the second has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Both have it.
    Same(&'a str),
    /// Only the first has it.
    Removed(&'a str),
    /// Only the second has it.
    Added(&'a str),
}

/// Products of line counts above this are not compared line by line.
const LIMIT: usize = 4_000_000;

/// The lines of two texts, matched by their longest common subsequence.
pub fn lines<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let split = |t: &'a str| -> Vec<&'a str> {
        if t.is_empty() {
            Vec::new()
        } else {
            t.split('\n').collect()
        }
    };
    let (a, b) = (split(old), split(new));
    let start = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (ra, rb) = (&a[start..], &b[start..]);
    let end = ra
        .iter()
        .rev()
        .zip(rb.iter().rev())
        .take_while(|(x, y)| x == y)
        .count();
    let (ma, mb) = (&ra[..ra.len() - end], &rb[..rb.len() - end]);
    let mut out: Vec<Line<'a>> = a[..start].iter().map(|l| Line::Same(l)).collect();
    middle(ma, mb, &mut out);
    out.extend(ra[ra.len() - end..].iter().map(|l| Line::Same(l)));
    out
}

fn middle<'a>(a: &[&'a str], b: &[&'a str], out: &mut Vec<Line<'a>>) {
    if a.len().saturating_mul(b.len()) > LIMIT {
        out.extend(a.iter().map(|l| Line::Removed(l)));
        out.extend(b.iter().map(|l| Line::Added(l)));
        return;
    }
    let width = b.len() + 1;
    let mut best = vec![0u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            best[i * width + j] = match a[i] == b[j] {
                true => best[(i + 1) * width + j + 1] + 1,
                false => best[(i + 1) * width + j].max(best[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            out.push(Line::Same(a[i]));
            i += 1;
            j += 1;
        } else if best[(i + 1) * width + j] >= best[i * width + j + 1] {
            out.push(Line::Removed(a[i]));
            i += 1;
        } else {
            out.push(Line::Added(b[j]));
            j += 1;
        }
    }
    out.extend(a[i..].iter().map(|l| Line::Removed(l)));
    out.extend(b[j..].iter().map(|l| Line::Added(l)));
}

/// The lines with their marks: space, `-` or `+`.
pub fn marked(old: &str, new: &str) -> String {
    let list: Vec<String> = lines(old, new)
        .into_iter()
        .map(|l| match l {
            Line::Same(t) => format!(" {t}"),
            Line::Removed(t) => format!("-{t}"),
            Line::Added(t) => format!("+{t}"),
        })
        .collect();
    list.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_before_added() {
        assert_eq!(marked("a\nb\nc", "a\nx\nc"), " a\n-b\n+x\n c");
        assert_eq!(marked("", "a"), "+a");
        assert_eq!(marked("a\nb\nc\nd", "b\nd\ne"), "-a\n b\n-c\n d\n+e");
    }
}
