//! Merging the indexes of a table (spec 05 §4.6).

use model::{Column, Index, Schema};

/// An index with its columns by tag.
#[derive(Clone, Debug)]
struct Tagged<'s> {
    index: &'s Index,
    tags: Vec<u64>,
    /// With the columns of the primary key.
    all_tags: Vec<u64>,
}

fn tagged(schema: &Schema) -> Vec<Tagged<'_>> {
    let tag = |i: &usize| schema.columns[*i].tag;
    let mut all: Vec<Tagged<'_>> = schema
        .indexes
        .iter()
        .map(|index| Tagged {
            index,
            tags: index.columns.iter().map(tag).collect(),
            all_tags: schema.index_key_columns(index).iter().map(tag).collect(),
        })
        .collect();
    all.sort_by(|a, b| a.index.name.cmp(&b.index.name));
    all
}

fn same_properties(a: &Index, b: &Index) -> bool {
    a.unique == b.unique
        && a.spatial == b.spatial
        && a.prefix_lengths == b.prefix_lengths
        && a.comment == b.comment
        && a.predicate == b.predicate
        && a.name == b.name
}

impl Tagged<'_> {
    fn equals(&self, other: &Tagged<'_>) -> bool {
        self.tags == other.tags && same_properties(self.index, other.index)
    }

    fn deep_equals(&self, other: &Tagged<'_>) -> bool {
        self.tags.len() == other.tags.len()
            && self.all_tags == other.all_tags
            && same_properties(self.index, other.index)
    }
}

/// Whether an index means the same in two schemas.
pub fn same_index(a: &Schema, i: &Index, b: &Schema, j: &Index) -> bool {
    let tags = |s: &Schema, i: &Index| -> Vec<u64> {
        i.columns.iter().map(|c| s.columns[*c].tag).collect()
    };
    tags(a, i) == tags(b, j) && same_properties(i, j)
}

/// The index of a side that `index` became or was: of its columns and name, else of its columns
/// and of a name that is not spoken for.
fn counterpart<'a, 's>(
    index: &Tagged<'_>,
    own: &[Tagged<'_>],
    side: &'a [Tagged<'s>],
) -> Option<&'a Tagged<'s>> {
    let same = |i: &Tagged<'_>, j: &Tagged<'_>| {
        i.tags == j.tags && i.index.name.eq_ignore_ascii_case(&j.index.name)
    };
    let free = |i: &&Tagged<'_>| i.tags == index.tags && !own.iter().any(|o| same(o, i));
    let named = side.iter().find(|i| same(i, index));
    named.or_else(|| side.iter().find(free))
}

/// Several indexes over the columns of `index` on one side.
fn ambiguity(index: &Tagged<'_>, side: &[Tagged<'_>]) -> Option<String> {
    let mut names: Vec<&str> = side
        .iter()
        .filter(|i| i.tags == index.tags)
        .map(|i| i.index.name.as_str())
        .collect();
    names.sort_unstable();
    match names.as_slice() {
        [a, b, ..] => Some(format!(
            "multiple indexes covering the same column set cannot be merged: '{a}' and '{b}'"
        )),
        _ => None,
    }
}

struct Merged<'s> {
    indexes: Vec<Tagged<'s>>,
    conflicts: Vec<String>,
}

impl<'s> Merged<'s> {
    fn has_name(&self, name: &str) -> bool {
        self.indexes
            .iter()
            .any(|i| i.index.name.eq_ignore_ascii_case(name))
    }

    fn add(&mut self, index: Tagged<'s>) {
        self.indexes
            .retain(|i| !i.index.name.eq_ignore_ascii_case(&index.index.name));
        self.indexes.push(index);
    }

    fn add_or_conflict(&mut self, index: &Tagged<'s>) {
        match self.has_name(&index.index.name) {
            true => self.conflicts.push(String::new()),
            false => self.add(index.clone()),
        }
    }
}

/// The merged indexes over the merged columns, or what conflicts.
pub fn merge_indexes<'s>(
    columns: &[Column],
    ours: &'s Schema,
    theirs: &'s Schema,
    base: &'s Schema,
) -> Result<Vec<Index>, Vec<String>> {
    let (ours, theirs, base) = (tagged(ours), tagged(theirs), tagged(base));
    let exists = |i: &Tagged<'_>| i.tags.iter().all(|t| columns.iter().any(|c| c.tag == *t));
    let mut merged = Merged {
        indexes: Vec::new(),
        conflicts: Vec::new(),
    };
    for our in ours.iter().filter(|i| exists(i)) {
        let Some(their) = counterpart(our, &ours, &theirs) else {
            continue;
        };
        let renamed = !our.index.name.eq_ignore_ascii_case(&their.index.name);
        if renamed && let Some(text) = ambiguity(our, &theirs).or_else(|| ambiguity(our, &ours)) {
            merged.conflicts.push(text);
            break;
        }
        if our.equals(their) {
            merged.add(our.clone());
            continue;
        }
        match counterpart(our, &ours, &base) {
            Some(old) if old.equals(their) => merged.add_or_conflict(our),
            Some(old) if old.equals(our) => merged.add_or_conflict(their),
            _ => merged.conflicts.push(String::new()),
        }
    }
    let new = |side: &'_ [Tagged<'s>]| -> Vec<Tagged<'s>> {
        let is_new = |i: &&Tagged<'_>| exists(i) && counterpart(i, side, &base).is_none();
        side.iter().filter(is_new).cloned().collect()
    };
    let (our_new, their_new) = (new(&ours), new(&theirs));
    for our in &our_new {
        let same_name = |i: &&Tagged<'_>| i.index.name.eq_ignore_ascii_case(&our.index.name);
        if let Some(their) = their_new.iter().find(same_name)
            && !our.deep_equals(their)
        {
            merged.conflicts.push(String::new());
        }
    }
    for index in our_new.into_iter().chain(their_new) {
        merged.add(index);
    }
    if !merged.conflicts.is_empty() {
        return Err(merged.conflicts);
    }
    let position = |tag: &u64| columns.iter().position(|c| c.tag == *tag);
    Ok(merged
        .indexes
        .into_iter()
        .map(|i| Index {
            columns: i.tags.iter().filter_map(position).collect(),
            ..i.index.clone()
        })
        .collect())
}
