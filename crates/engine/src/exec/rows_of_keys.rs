//! Reading many rows by their keys, beside the thread that uses them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use prolly::{Node, Seek};

use crate::env::Slot;
use crate::error::{Error, Result};
use crate::result::Flow;
use crate::view::{OverlayKey, OverlayMap, TableView, Tree};

/// Keys that are looked up before their rows are handed over.
const PART: usize = 256;
/// Parts that wait to be used; with each of their rows, its leaf stays in memory.
const QUEUE: usize = 2;
/// Keys for which a thread is worth its while.
const MANY: usize = 3 * PART;

/// Gives the rows of primary keys, which are in ascending order, as far as there are any.
pub(super) fn emit_rows(
    view: &TableView,
    keys: &[impl AsRef<[u8]> + Sync],
    emit: &mut dyn FnMut(Slot) -> Result<Flow>,
) -> Result<Flow> {
    let changes = view.changes(None).filter(|m| !m.rows.is_empty());
    let mut emit = |key: &[u8], stored| emit_row(view, changes, key, stored, emit);
    if keys.len() >= MANY
        && let Some(_reserved) = Beside::reserve()
        && let Some(flow) = emit_beside(&view.primary, keys, &mut emit)
    {
        return flow;
    }
    let mut seek = Seek::new(&view.primary.store, &view.primary.root);
    for key in keys.iter().map(AsRef::as_ref) {
        if emit(key, find(&mut seek, &view.primary, key)?)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

/// Lets a thread look the keys up; nothing if the system has none.
fn emit_beside(
    tree: &Tree,
    keys: &[impl AsRef<[u8]> + Sync],
    emit: &mut dyn FnMut(&[u8], Stored) -> Result<Flow>,
) -> Option<Result<Flow>> {
    thread::scope(|scope| {
        let (send, parts) = sync_channel(QUEUE);
        let thread = thread::Builder::new().name("row reader".into());
        let started = thread.spawn_scoped(scope, || read(tree, keys, send));
        started.ok()?;
        let mut use_all = || {
            for part in keys.chunks(PART) {
                let stored = parts
                    .recv()
                    .map_err(|_| Error::general("rows are lost"))??;
                for (key, stored) in part.iter().zip(stored) {
                    if emit(key.as_ref(), stored)? == Flow::Stop {
                        return Ok(Flow::Stop);
                    }
                }
            }
            Ok(Flow::Continue)
        };
        let used = use_all();
        // A thread that waits to hand something over ends.
        drop(parts);
        Some(used)
    })
}

/// A leaf and a place in it.
type Stored = Option<(Arc<Node>, usize)>;

fn find(seek: &mut Seek, tree: &Tree, key: &[u8]) -> Result<Stored> {
    Ok(seek.find(|k| tree.desc.compare(k, key))?)
}

/// Looks keys up, part by part, until nobody asks any more.
fn read(tree: &Tree, keys: &[impl AsRef<[u8]>], send: SyncSender<Result<Vec<Stored>>>) {
    let mut seek = Seek::new(&tree.store, &tree.root);
    for part in keys.chunks(PART) {
        let found = part.iter().map(|key| find(&mut seek, tree, key.as_ref()));
        let found: Result<Vec<Stored>> = found.collect();
        let failed = found.is_err();
        if send.send(found).is_err() || failed {
            return;
        }
    }
}

/// A row as it is stored, unless a transaction has changed it.
fn emit_row(
    view: &TableView,
    changes: Option<&OverlayMap>,
    key: &[u8],
    stored: Stored,
    emit: &mut dyn FnMut(Slot) -> Result<Flow>,
) -> Result<Flow> {
    let changed = changes.and_then(|map| {
        let at = OverlayKey::new(&view.primary.desc, key);
        map.rows.get(&at)
    });
    let row = match (changed, stored) {
        (Some(pair), _) => pair.clone().map(Slot::Pair),
        (None, stored) => stored.map(|(node, at)| Slot::Leaf { node, at }),
    };
    row.map_or(Ok(Flow::Continue), emit)
}

/// The right to run a thread beside the one that asks. There are as many as processors that it
/// leaves to others, so that statements of many clients do without.
struct Beside;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

impl Beside {
    fn reserve() -> Option<Beside> {
        static PROCESSORS: OnceLock<usize> = OnceLock::new();
        let most = PROCESSORS
            .get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
            .saturating_sub(1);
        let more = |n| (n < most).then_some(n + 1);
        let reserved = RUNNING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        reserved.is_ok().then_some(Beside)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}
