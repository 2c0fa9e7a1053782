//! Sorting more items than memory holds: sorted runs in temporary files, merged as they are read.

use std::cmp::Ordering;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Atomic};

use crate::{KeyOrder, ProllyError, Result};

/// Runs that are merged at a time; more are first merged into one.
const MOST_RUNS: usize = 64;
/// Buffer of a run that is read or written.
const RUN_BUFFER: usize = 128 << 10;
/// Bytes that an item takes beside its key and value: its place, and the head of its record.
const ITEM_OVERHEAD: usize = size_of::<Place>() + HEAD;
/// Number, length of the key, length of the value.
const HEAD: usize = 16;

/// An item with the number under which it was given.
#[derive(Clone, Copy, Debug)]
pub struct SortedItem<'s> {
    /// Key.
    pub key: &'s [u8],
    /// Value.
    pub value: &'s [u8],
    /// Number.
    pub number: u64,
}

/// Collects items in any order; [`Sorter::finish`] gives them by key, those of equal keys by
/// number.
///
/// Holds at most its limit of bytes, beyond which it writes sorted runs to files that are gone
/// with it.
pub struct Sorter {
    order: Arc<dyn KeyOrder>,
    directory: PathBuf,
    limit: usize,
    memory: Run,
    /// Whether the items in memory came in order.
    ascending: bool,
    runs: Vec<Spilled>,
    len: u64,
    most_held: usize,
}

#[derive(Clone, Copy)]
struct Place {
    rank: u64,
    at: u32,
}

/// Items in memory.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

impl Run {
    fn item(&self, at: u32) -> SortedItem<'_> {
        let record = &self.bytes[at as usize..];
        let (head, rest) = record.split_at(HEAD);
        let head = Head::read(head);
        let (key, rest) = rest.split_at(head.key);
        SortedItem {
            key,
            value: &rest[..head.value],
            number: head.number,
        }
    }

    fn held(&self) -> usize {
        self.bytes.len() + self.places.len() * size_of::<Place>()
    }

    fn push(&mut self, rank: u64, item: SortedItem<'_>) {
        self.places.push(Place {
            rank,
            at: self.bytes.len() as u32,
        });
        write_record(item, &mut self.bytes);
    }
}

struct Head {
    number: u64,
    key: usize,
    value: usize,
}

impl Head {
    fn read(bytes: &[u8]) -> Head {
        let four = |at: usize| {
            let four = bytes[at..at + 4].try_into().expect("the head has 16 bytes");
            u32::from_le_bytes(four) as usize
        };
        Head {
            number: u64::from_le_bytes(bytes[..8].try_into().expect("the head has 16 bytes")),
            key: four(8),
            value: four(12),
        }
    }
}

fn write_record(item: SortedItem<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&item.number.to_le_bytes());
    out.extend_from_slice(&(item.key.len() as u32).to_le_bytes());
    out.extend_from_slice(&(item.value.len() as u32).to_le_bytes());
    out.extend_from_slice(item.key);
    out.extend_from_slice(item.value);
}

/// A sorted run in a file.
struct Spilled {
    file: File,
    path: PathBuf,
}

fn failed<'p>(what: &'static str, path: &'p Path) -> impl Fn(std::io::Error) -> ProllyError + 'p {
    move |e| ProllyError::TemporaryFile {
        what,
        path: path.to_owned(),
        reason: e.to_string(),
    }
}

impl Spilled {
    /// A new file, which has no name any more where the system allows that.
    fn create(directory: &Path) -> Result<Spilled> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Atomic::Relaxed);
        let path = directory.join(format!("sort-{}-{number}", std::process::id()));
        // A name that a process of the same number left behind is free.
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.open(&path).map_err(failed("create", &path))?;
        if cfg!(unix) {
            std::fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        Ok(Spilled { file, path })
    }

    fn read(mut self) -> Result<Source> {
        self.file.rewind().map_err(failed("read", &self.path))?;
        let file = self.file.try_clone();
        let file = file.map_err(failed("read", &self.path))?;
        Ok(Source {
            kind: Kind::File(BufReader::with_capacity(RUN_BUFFER, file)),
            spilled: Some(self),
            rank: 0,
            number: 0,
            record: Vec::new(),
            key: 0,
            ended: false,
        })
    }
}

impl Drop for Spilled {
    fn drop(&mut self) {
        if !cfg!(unix) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Sorter {
    /// A sorter that holds at most `limit` bytes in memory and keeps the rest in `directory`.
    pub fn new(order: Arc<dyn KeyOrder>, directory: PathBuf, limit: usize) -> Sorter {
        Sorter {
            order,
            directory,
            // Places are 32 bits.
            limit: limit.min(1 << 30),
            memory: Run::default(),
            ascending: true,
            runs: Vec::new(),
            len: 0,
            most_held: 0,
        }
    }

    /// Number of items.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes in memory.
    pub fn held(&self) -> usize {
        self.memory.held()
    }

    /// The most bytes that were ever in memory.
    pub fn most_held(&self) -> usize {
        self.most_held.max(self.held())
    }

    /// Files that items were written to.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Adds an item.
    pub fn push(&mut self, key: &[u8], value: &[u8], number: u64) -> Result<()> {
        let size = key.len() + value.len() + ITEM_OVERHEAD;
        if self.memory.held() + size > self.limit && !self.memory.places.is_empty() {
            self.spill()?;
        }
        let rank = self.order.rank(key);
        if self.ascending
            && let Some(last) = self.memory.places.last()
        {
            self.ascending = match last.rank.cmp(&rank) {
                Ordering::Less => true,
                Ordering::Greater => false,
                Ordering::Equal => {
                    let last = self.memory.item(last.at);
                    let order = self.order.compare(last.key, key);
                    order.then(last.number.cmp(&number)) != Ordering::Greater
                }
            };
        }
        self.memory.push(rank, SortedItem { key, value, number });
        self.len += 1;
        Ok(())
    }

    fn sort(&mut self) {
        if !std::mem::replace(&mut self.ascending, true) {
            let Run { places, bytes } = &mut self.memory;
            let run = Run {
                bytes: std::mem::take(bytes),
                places: Vec::new(),
            };
            places.sort_unstable_by(|a, b| {
                a.rank.cmp(&b.rank).then_with(|| {
                    let (a, b) = (run.item(a.at), run.item(b.at));
                    let order = self.order.compare(a.key, b.key);
                    order.then(a.number.cmp(&b.number))
                })
            });
            *bytes = run.bytes;
        }
    }

    fn spill(&mut self) -> Result<()> {
        self.most_held = self.most_held.max(self.held());
        self.sort();
        let run = Spilled::create(&self.directory)?;
        let mut out = BufWriter::with_capacity(RUN_BUFFER, &run.file);
        let mut record = Vec::new();
        for place in &self.memory.places {
            record.clear();
            write_record(self.memory.item(place.at), &mut record);
            out.write_all(&record).map_err(failed("write", &run.path))?;
        }
        out.flush().map_err(failed("write", &run.path))?;
        drop(out);
        self.memory.bytes.clear();
        self.memory.places.clear();
        self.runs.push(run);
        if self.runs.len() == MOST_RUNS {
            self.merge_runs()?;
        }
        Ok(())
    }

    /// Merges all runs into one.
    fn merge_runs(&mut self) -> Result<()> {
        let sources = std::mem::take(&mut self.runs);
        let sources = sources
            .into_iter()
            .map(Spilled::read)
            .collect::<Result<_>>()?;
        let mut items = SortedItems::of(self.order.clone(), sources)?;
        let run = Spilled::create(&self.directory)?;
        let mut out = BufWriter::with_capacity(RUN_BUFFER, &run.file);
        let mut record = Vec::new();
        while let Some(item) = items.next_item()? {
            record.clear();
            write_record(item, &mut record);
            out.write_all(&record).map_err(failed("write", &run.path))?;
        }
        out.flush().map_err(failed("write", &run.path))?;
        drop(out);
        self.runs.push(run);
        Ok(())
    }

    /// The items in their order.
    pub fn finish(mut self) -> Result<SortedItems> {
        self.sort();
        let mut sources = Vec::with_capacity(self.runs.len() + 1);
        for run in self.runs {
            sources.push(run.read()?);
        }
        sources.push(Source {
            kind: Kind::Memory(self.memory, 0),
            spilled: None,
            rank: 0,
            number: 0,
            record: Vec::new(),
            key: 0,
            ended: false,
        });
        SortedItems::of(self.order, sources)
    }
}

enum Kind {
    /// A run in memory, and the next of its places.
    Memory(Run, usize),
    File(BufReader<File>),
}

/// A run that is read, at one of its items.
struct Source {
    kind: Kind,
    spilled: Option<Spilled>,
    rank: u64,
    number: u64,
    /// Key and value of an item from a file.
    record: Vec<u8>,
    key: usize,
    ended: bool,
}

impl Source {
    fn advance(&mut self, order: &dyn KeyOrder) -> Result<()> {
        match &mut self.kind {
            Kind::Memory(run, next) => {
                match run.places.get(*next) {
                    None => self.ended = true,
                    Some(place) => {
                        self.rank = place.rank;
                        self.number = run.item(place.at).number;
                    }
                }
                *next += 1;
            }
            Kind::File(file) => {
                let empty = PathBuf::new();
                let path = self.spilled.as_ref().map_or(&empty, |s| &s.path);
                let mut head = [0; HEAD];
                if file.is_at_end().map_err(failed("read", path))? {
                    self.ended = true;
                    return Ok(());
                }
                file.read_exact(&mut head).map_err(failed("read", path))?;
                let head = Head::read(&head);
                self.record.resize(head.key + head.value, 0);
                let read = file.read_exact(&mut self.record);
                read.map_err(failed("read", path))?;
                self.key = head.key;
                self.number = head.number;
                self.rank = order.rank(&self.record[..head.key]);
            }
        }
        Ok(())
    }

    fn item(&self) -> SortedItem<'_> {
        match &self.kind {
            Kind::Memory(run, next) => run.item(run.places[next - 1].at),
            Kind::File(_) => {
                let (key, value) = self.record.split_at(self.key);
                SortedItem {
                    key,
                    value,
                    number: self.number,
                }
            }
        }
    }
}

trait AtEnd {
    fn is_at_end(&mut self) -> std::io::Result<bool>;
}

impl AtEnd for BufReader<File> {
    fn is_at_end(&mut self) -> std::io::Result<bool> {
        use std::io::BufRead;
        Ok(self.fill_buf()?.is_empty())
    }
}

/// Items of a [`Sorter`] in their order.
pub struct SortedItems {
    order: Arc<dyn KeyOrder>,
    /// A heap: the source with the least item first. Sources at their end are last.
    sources: Vec<Source>,
    started: bool,
}

impl SortedItems {
    fn of(order: Arc<dyn KeyOrder>, mut sources: Vec<Source>) -> Result<SortedItems> {
        for source in &mut sources {
            source.advance(&*order)?;
        }
        let mut items = SortedItems {
            order,
            sources,
            started: false,
        };
        for at in (0..items.sources.len() / 2).rev() {
            items.sift(at);
        }
        Ok(items)
    }

    fn is_before(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.sources[a], &self.sources[b]);
        if a.ended || b.ended {
            return !a.ended;
        }
        let order = a.rank.cmp(&b.rank).then_with(|| {
            let order = self.order.compare(a.item().key, b.item().key);
            order.then(a.number.cmp(&b.number))
        });
        order == Ordering::Less
    }

    fn sift(&mut self, mut at: usize) {
        loop {
            let mut least = at;
            for below in [2 * at + 1, 2 * at + 2] {
                if below < self.sources.len() && self.is_before(below, least) {
                    least = below;
                }
            }
            if least == at {
                return;
            }
            self.sources.swap(at, least);
            at = least;
        }
    }

    /// The next item; the same one again until it is called another time.
    pub fn next_item(&mut self) -> Result<Option<SortedItem<'_>>> {
        if std::mem::replace(&mut self.started, true) && !self.sources[0].ended {
            let order = self.order.clone();
            self.sources[0].advance(&*order)?;
            self.sift(0);
        }
        Ok(self.peek())
    }

    /// The item that [`SortedItems::next_item`] gave last.
    pub fn peek(&self) -> Option<SortedItem<'_>> {
        let first = self.sources.first().filter(|s| !s.ended)?;
        Some(first.item())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bytewise;

    fn sorted(limit: usize, items: &[(u32, u64)]) -> (Vec<(u32, u64)>, usize, usize) {
        let directory = std::env::temp_dir();
        let mut sorter = Sorter::new(Arc::new(Bytewise), directory, limit);
        for (key, number) in items {
            sorter
                .push(&key.to_be_bytes(), &number.to_le_bytes(), *number)
                .unwrap();
        }
        let (held, runs) = (sorter.most_held(), sorter.runs());
        let mut out = Vec::new();
        let mut sorted = sorter.finish().unwrap();
        while let Some(item) = sorted.next_item().unwrap() {
            assert_eq!(item.value, item.number.to_le_bytes());
            let key = u32::from_be_bytes(item.key.try_into().unwrap());
            out.push((key, item.number));
        }
        (out, held, runs)
    }

    #[test]
    fn items_come_by_key_and_number_within_the_limit() {
        let mut x = 1u64;
        let items: Vec<(u32, u64)> = (0..20_000)
            .map(|number| {
                x = x.wrapping_mul(6364136223846793005).wrapping_add(1);
                ((x >> 40) as u32 % 5000, number)
            })
            .collect();
        let mut expected = items.clone();
        expected.sort();
        for limit in [4 << 10, 64 << 10, 64 << 20] {
            let (out, held, runs) = sorted(limit, &items);
            assert_eq!(out, expected);
            assert!(held <= limit, "{held} bytes of {limit}");
            assert!(runs < MOST_RUNS);
            assert_eq!(runs > 0, limit < 1 << 20);
        }
        assert_eq!(sorted(64 << 10, &expected).0, expected);
        assert_eq!(sorted(1024, &[]).0, []);
    }
}
