//! Stored objects in a form to be read, as `dolt show --no-pretty` prints them.

use std::fmt::Write;

use bytes::Bytes;
use model::{Commit, CommitId, Schema, Tag, WorkingSet};
use prolly::{ClosureKey, Node};
use serial::{FileId, root_table};
use values::tuple::Tuple;

use crate::Failure;
use crate::local_time::go_time;

/// Lines at a depth.
struct Text {
    out: String,
    depth: usize,
}

impl Text {
    fn line(&mut self, text: impl AsRef<str>) {
        let tabs = "\t".repeat(self.depth);
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{tabs}{}", text.as_ref());
    }

    fn block(
        &mut self,
        open: &str,
        close: &str,
        inner: impl FnOnce(&mut Text) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.line(open);
        self.depth += 1;
        inner(self)?;
        self.depth -= 1;
        self.line(close);
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The text of a message.
pub fn object_text(message: &Bytes) -> Result<String, Failure> {
    let mut text = Text {
        out: String::new(),
        depth: 0,
    };
    let kind = serial::file_id(message);
    match kind {
        Some(FileId::COMMIT) => commit(&mut text, message)?,
        Some(FileId::TAG) => tag(&mut text, message)?,
        Some(FileId::WORKING_SET) => working_set(&mut text, message)?,
        Some(FileId::ROOT_VALUE) => root_value(&mut text, message)?,
        Some(FileId::TABLE) => table(&mut text, message)?,
        Some(FileId::TABLE_SCHEMA) => schema(&mut text, message)?,
        Some(FileId::STORE_ROOT) => {
            let root = root_table(message, FileId::STORE_ROOT, 1)?;
            let map = message.slice_ref(root.required_bytes(0)?);
            text.out = format!("StoreRoot{{{}}}", address_map(&Node::embedded(map)?, 1));
        }
        _ => match Node::embedded(message.clone()) {
            Ok(node) => tree_node(&mut text, &node)?,
            Err(_) => {
                let id = kind.map_or_else(String::new, |k| k.to_string());
                let _ = write!(
                    text.out,
                    "SerialMessage (HumanReadableString not implemented), [{id}]: {}",
                    hex(message).to_uppercase()
                );
            }
        },
    }
    Ok(format!("SerialMessage {}", text.out.trim_end()))
}

fn commit(text: &mut Text, message: &[u8]) -> Result<(), Failure> {
    let c = Commit::decode(message)?;
    let m = &c.meta;
    text.block("{", "}", |t| {
        t.line(format!("Name: {}", m.author.name));
        t.line(format!("Desc: {}", m.message));
        t.line(format!("Email: {}", m.author.email));
        t.line(format!("Timestamp: {}", go_time(m.committer_millis as i64)));
        t.line(format!("UserTimestamp: {}", go_time(m.author_millis)));
        t.line(format!("Height: {}", c.height));
        t.block("RootValue: {", "}", |t| {
            t.line(format!("#{}", c.root.hash()));
            Ok(())
        })?;
        t.block("Parents: {", "}", |t| {
            c.parents
                .iter()
                .for_each(|p| t.line(format!("#{}", p.hash())));
            Ok(())
        })?;
        t.block("ParentClosure: {", "}", |t| {
            if !c.closure.is_empty() {
                t.line(format!("#{}", c.closure));
            }
            Ok(())
        })
    })
}

fn tag(text: &mut Text, message: &[u8]) -> Result<(), Failure> {
    let tag = Tag::decode(message)?;
    text.block("{", "}", |t| {
        t.line(format!("Name: {}", tag.tagger.name));
        t.line(format!("Desc: {}", tag.message));
        t.line(format!("Email: {}", tag.tagger.email));
        t.line(format!("UserTimestamp: {}", tag.user_millis));
        t.line(format!("CommitAddress: #{}", CommitId::hash(tag.commit)));
        Ok(())
    })
}

fn working_set(text: &mut Text, message: &[u8]) -> Result<(), Failure> {
    let set = WorkingSet::decode(message)?;
    text.block("{", "}", |t| {
        let meta = set.meta.as_ref();
        t.line(format!("Name: {}", meta.map_or("", |m| &m.name)));
        t.line(format!("Desc: {}", meta.map_or("", |m| &m.description)));
        t.line(format!("Email: {}", meta.map_or("", |m| &m.email)));
        let millis = meta.map_or(0, |m| m.seconds as i64);
        t.line(format!("Time: {}", go_time(millis)));
        t.line(format!("WorkingRootAddr: #{}", set.working.hash()));
        t.line(format!("StagedRootAddr: #{}", set.staged.hash()));
        Ok(())
    })
}

fn address(bytes: Option<&[u8]>) -> chunks::Hash {
    bytes.and_then(chunks::Hash::from_slice).unwrap_or_default()
}

fn root_value(text: &mut Text, message: &Bytes) -> Result<(), Failure> {
    let t = root_table(message, FileId::ROOT_VALUE, 5)?;
    let tables = Node::embedded(message.slice_ref(t.required_bytes(1)?))?;
    text.block("{", "}", |out| {
        out.line(format!("FeatureVersion: {}", t.i64(0, 0)?));
        out.line(format!("ForeignKeys: #{}", address(t.bytes(2)?)));
        out.line(format!("Tables: {}", address_map(&tables, out.depth)));
        Ok(())
    })
}

fn table(text: &mut Text, message: &Bytes) -> Result<(), Failure> {
    let t = root_table(message, FileId::TABLE, 7)?;
    let indexes = Node::embedded(message.slice_ref(t.required_bytes(2)?))?;
    text.block("{", "}", |out| {
        out.line(format!("Schema: #{}", address(t.bytes(0)?)));
        out.line(format!("Violations: #{}", address(t.bytes(5)?)));
        out.line(format!("Autoinc: {}", t.u64(3, 0)?));
        let rows = chunks::Hash::of(t.required_bytes(1)?);
        out.line(format!("Primary index: #{rows}"));
        let map = address_map(&indexes, out.depth);
        out.line(format!("Secondary indexes: {map}"));
        Ok(())
    })
}

/// An address map within a line at a depth.
fn address_map(node: &Node, depth: usize) -> String {
    let mut out = String::from("AddressMap {\n");
    for i in 0..node.len() {
        let name = String::from_utf8_lossy(node.key(i));
        let address = address(Some(node.value(i)));
        out += &format!("{}{name}: #{address}\n", "\t".repeat(depth + 1));
    }
    out + &"\t".repeat(depth) + "}"
}

fn schema(text: &mut Text, message: &[u8]) -> Result<(), Failure> {
    let s = Schema::decode(message)?;
    let list = |places: &[usize]| -> String {
        let all: String = places.iter().map(|p| format!("{p}, ")).collect();
        format!("[{all}]")
    };
    text.block("{", "}", |t| {
        t.block("Columns: [", "]", |t| {
            for (i, c) in s.columns.iter().enumerate() {
                t.block("{", "}", |t| {
                    let (default, encoding) = (&c.expression, format!("{:?}", c.encoding));
                    t.line(format!("Name: {}", c.name));
                    t.line(format!("SQLType: {}", c.type_text));
                    t.line(format!("DefaultValue: {default}"));
                    t.line(format!("Comment: {}", c.comment));
                    t.line(format!("DisplayOrder: {i}"));
                    t.line(format!("Tag: {}", c.tag));
                    t.line(format!("Encoding: {encoding}"));
                    t.line(format!("Primary Key: {}", c.primary_key));
                    t.line(format!("Nullable: {}", c.nullable));
                    t.line(format!("Auto Increment: {}", c.auto_increment));
                    t.line(format!("Hidden: {}", c.hidden));
                    t.line(format!("Generated: {}", c.generated));
                    t.line(format!("Virtual: {}", c.is_virtual));
                    t.line(format!("OnUpdateValue: {}", c.on_update));
                    t.line(format!("UsesAdaptiveEncoding: {}", c.adaptive_markers.0));
                    let breaking = c.adaptive_markers.1;
                    t.line(format!("AdaptiveEncodingBreakingChange: {breaking}"));
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        t.block("Primary Index: {", "}", |t| {
            t.line(format!("Key Columns: {}", list(&s.primary_key)));
            Ok(())
        })?;
        t.block("Secondary Indexes: [", "]", |t| {
            for index in &s.indexes {
                t.block("{", "}", |t| {
                    t.line(format!("Name: {}", index.name));
                    t.line(format!("Comment: {}", index.comment));
                    t.line(format!("Index Columns: {}", list(&index.columns)));
                    t.line(format!("Unique: {}", index.unique));
                    t.line(format!("System Defined: {}", index.system_defined));
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        t.line(format!("Comment: {}", s.comment));
        t.block("Checks: [", "]", |t| {
            for check in &s.checks {
                t.block("{", "}", |t| {
                    t.line(format!("Name: {}", check.name));
                    t.line(format!("Expression: {}", check.expression));
                    t.line(format!("Enforced: {}", check.enforced));
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        t.line(format!("Collation: {}", s.collation.get().name));
        Ok(())
    })
}

fn fields(tuple: &[u8], addresses: &[&[u8]]) -> String {
    let all: Vec<String> = Tuple(tuple)
        .fields()
        .map(|f| match f {
            Some(f) if addresses.contains(&f) => format!("#{}", address(Some(f))),
            f => hex(f.unwrap_or_default()),
        })
        .collect();
    all.join(", ")
}

fn tree_node(text: &mut Text, node: &Node) -> Result<(), Failure> {
    use prolly::NodeKind::*;
    let entry = |text: &mut Text, entry: String| text.out += &format!("\n    {{ {entry} }}");
    match node.kind() {
        AddressMap => text.out = address_map(node, 0),
        CommitClosure => {
            return text.block("{", "}", |t| {
                t.block("SubTree {", "}", |t| {
                    for i in 0..node.len() {
                        if !node.is_leaf() {
                            t.line(format!("#{}", node.child(i)));
                        }
                    }
                    Ok(())
                })?;
                t.block("Commits {", "} ", |t| {
                    for i in 0..node.len() {
                        if node.is_leaf() {
                            let key = ClosureKey::from_bytes(node.key(i));
                            t.line(format!("#{} (height: {})", key.commit, key.height));
                        }
                    }
                    Ok(())
                })
            });
        }
        Blob if node.is_leaf() => {
            let bytes = String::from_utf8_lossy(node.value(0));
            text.out = format!("{{\n\tBlob - {bytes}\n}}");
        }
        Blob => {
            text.out = "{\n".to_string();
            for i in 0..node.len() {
                entry(text, format!("ref: #{}", node.child(i)));
            }
            text.out += "\n}";
        }
        Rows | Artifacts | Vector => {
            text.out = match node.kind() {
                Vector => "Vector Index {\n".to_string(),
                _ => "{\n".to_string(),
            };
            // Addresses are known by where they lie among all values.
            let offsets: Vec<usize> = node.item_address_offsets().collect();
            let mut before = 0;
            for i in 0..node.len() {
                let key = fields(node.key(i), &[]);
                let rest = match node.is_leaf() {
                    true => {
                        let value = node.value(i);
                        let own = offsets.iter().filter_map(|at| {
                            let at = at.checked_sub(before)?;
                            value.get(at..at + chunks::Hash::LEN)
                        });
                        let shown = fields(value, &own.collect::<Vec<_>>());
                        before += value.len();
                        format!("value: {shown}")
                    }
                    false => format!("ref: #{}", node.child(i)),
                };
                entry(text, format!("key: {key} {rest}"));
            }
            text.out += "\n}";
        }
    }
    Ok(())
}
