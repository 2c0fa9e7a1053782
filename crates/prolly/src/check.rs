//! Whether a tree is built as it must be: order, boundaries, counts (spec 02 §3, §8).

use std::cmp::Ordering;

use chunks::{Hash, HashSet};

use crate::splitter::{MAX_LEVELS, Splitter};
use crate::{KeyOrder, Node, NodeStore, Result};

/// Keys and values of a node do not grow beyond what 16-bit offsets reach; a node that is nearly
/// that large may have ended for that reason.
const NEARLY_FULL: usize = 1 << 14;

/// Checks a tree of rows, node by node, and gives what is wrong with it. Nodes in `seen` have
/// been checked; trees that share nodes share it.
pub fn check_tree(
    store: &NodeStore,
    root: &Node,
    order: &dyn KeyOrder,
    seen: &mut HashSet,
    wrong: &mut dyn FnMut(Hash, String),
) -> Result<()> {
    // Whether the node is the last of its level: it may end anywhere.
    let mut stack = vec![(root.hash(), true)];
    let mut is_root = true;
    while let Some((hash, last)) = stack.pop() {
        let child;
        let node = match std::mem::take(&mut is_root) {
            true => root,
            false => {
                child = store.read(&hash)?;
                &*child
            }
        };
        check_node(node, last, order, wrong);
        if node.is_leaf() {
            continue;
        }
        for i in 0..node.len() {
            let last = last && i + 1 == node.len();
            let hash = node.child(i);
            let is_new = seen.insert(hash);
            let below = store.read(&hash)?;
            check_child(node, i, &below, order, wrong);
            if is_new || last {
                stack.push((hash, last));
            }
        }
    }
    Ok(())
}

fn check_node(node: &Node, last: bool, order: &dyn KeyOrder, wrong: &mut dyn FnMut(Hash, String)) {
    for i in 1..node.len() {
        if order.compare(node.key(i - 1), node.key(i)) != Ordering::Less {
            wrong(
                node.hash(),
                format!("keys {} and {i} are out of order", i - 1),
            );
            return;
        }
    }
    let level = node.level() as usize;
    if level >= MAX_LEVELS {
        return wrong(node.hash(), format!("level {level} is too high"));
    }
    let mut splitter = Splitter::new(level);
    let mut size = 0;
    for i in 0..node.len() {
        let value = match level {
            0 => node.value(i).len(),
            _ => Hash::LEN,
        };
        size += node.key(i).len() + value;
        // A node above the leaves never has a single child, unless it is the last.
        let ends = splitter.append(node.key(i), value) && !(level > 0 && i == 0);
        let at_end = i + 1 == node.len();
        if ends && !at_end {
            return wrong(node.hash(), format!("it should have ended with item {i}"));
        }
        if at_end && !ends && !last && size < NEARLY_FULL {
            return wrong(node.hash(), "it should not have ended".to_owned());
        }
    }
}

fn check_child(
    node: &Node,
    i: usize,
    child: &Node,
    order: &dyn KeyOrder,
    wrong: &mut dyn FnMut(Hash, String),
) {
    if child.level() + 1 != node.level() {
        let levels = (node.level(), child.level());
        return wrong(
            node.hash(),
            format!("child {i} has the wrong level: {levels:?}"),
        );
    }
    if child.is_empty() {
        return wrong(node.hash(), format!("child {i} is empty"));
    }
    if child.tree_count() != node.subtree_count(i) {
        let counts = (node.subtree_count(i), child.tree_count());
        return wrong(
            node.hash(),
            format!("child {i} has the wrong count: {counts:?}"),
        );
    }
    if order.compare(child.key(child.len() - 1), node.key(i)) != Ordering::Equal {
        return wrong(
            node.hash(),
            format!("key {i} is not the last key of its child"),
        );
    }
    if i > 0 && order.compare(node.key(i - 1), child.key(0)) != Ordering::Less {
        wrong(
            node.hash(),
            format!("child {i} begins before key {}", i - 1),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bytewise, NodeFormat, TreeBuilder};

    fn faults(skip: Option<u32>) -> Vec<String> {
        let store = NodeStore::in_memory();
        let format = NodeFormat::plain_rows();
        let build = |numbers: &mut dyn Iterator<Item = u32>| {
            let mut b = TreeBuilder::new(&store, &format);
            for n in numbers {
                b.append(&n.to_be_bytes(), &[7; 30]).unwrap();
            }
            b.finish().unwrap()
        };
        let mut root = build(&mut (0..20_000));
        if let Some(skip) = skip {
            // A tree whose nodes are those of two trees, put together by hand.
            let a = build(&mut (0..skip));
            let b = build(&mut (skip..20_000));
            let mut parent = TreeBuilder::at_level(&store, &format, 1);
            for tree in [a, b] {
                for i in 0..tree.len() {
                    let child = tree.child(i).0;
                    let count = tree.subtree_count(i);
                    parent.append_at(1, tree.key(i), &child, count).unwrap();
                }
            }
            root = parent.finish().unwrap();
        }
        let mut found = Vec::new();
        let mut seen = HashSet::default();
        check_tree(&store, &root, &Bytewise, &mut seen, &mut |_, what| {
            found.push(what)
        })
        .unwrap();
        found
    }

    #[test]
    fn trees_as_built_are_right_and_others_are_not() {
        assert_eq!(faults(None), Vec::<String>::new());
        assert_eq!(faults(Some(10_001)), ["it should not have ended"]);
    }
}
