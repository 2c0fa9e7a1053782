//! Weight functions: code point to rank, kept in pages of 256 (data/weights.tsv, weights.bin).

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

/// The weight of code points that a collation does not know; they sort last.
pub const NO_WEIGHT: i32 = i32::MAX;

/// One past the last code point.
const CODE_POINTS: u32 = 0x11_0000;

/// A weight function.
#[derive(Clone)]
pub(super) struct Weights(&'static Table);

struct Table {
    ascii: [i32; 128],
    pages: Vec<Page>,
    cells: Vec<[i32; 256]>,
    identity: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Page {
    /// Code point plus a number.
    Shifted(i32),
    /// The same weight for all.
    Constant(i32),
    /// A table of its own.
    Cells(usize),
}

struct Place {
    frame: std::ops::Range<usize>,
    part: std::ops::Range<usize>,
}

static BYTES: &[u8] = include_bytes!("../../data/weights.bin");

static PLACES: LazyLock<HashMap<&'static str, Place>> = LazyLock::new(|| {
    let mut map = HashMap::new();
    for line in include_str!("../../data/weights.tsv").lines().skip(1) {
        let mut columns = line.split('\t');
        let Some(name) = columns.next() else { continue };
        let n: Vec<usize> = columns.filter_map(|c| c.parse().ok()).collect();
        if let [frame, frame_length, offset, length] = n[..] {
            let place = Place {
                frame: frame..frame + frame_length,
                part: offset..offset + length,
            };
            map.insert(name, place);
        }
    }
    map
});

/// Functions in use, shared by collations: at most as many as there are in the data.
static LOADED: Mutex<Vec<(&'static str, &'static Table)>> = Mutex::new(Vec::new());

impl Weights {
    /// The function of this name; a collation without one orders by code point.
    pub fn load(name: &'static str) -> Weights {
        let mut loaded = LOADED.lock().unwrap_or_else(|e| e.into_inner());
        if let Some((_, table)) = loaded.iter().find(|(n, _)| *n == name) {
            return Weights(table);
        }
        // The bytes are part of the program, so the fallback is for names without a function.
        let table = PLACES
            .get(name)
            .and_then(|place| {
                let plain = zstd::decode_all(BYTES.get(place.frame.clone())?).ok()?;
                Table::decode(plain.get(place.part.clone())?)
            })
            .unwrap_or_else(Table::identity);
        let table: &'static Table = Box::leak(Box::new(table));
        loaded.push((name, table));
        Weights(table)
    }

    /// Weight of a code point.
    #[inline]
    pub fn of(&self, rune: u32) -> i32 {
        if rune < 128 {
            return self.0.ascii[rune as usize];
        }
        self.0.of(rune)
    }

    /// Whether the weight is the code point.
    pub fn is_identity(&self) -> bool {
        self.0.identity
    }
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut v = 0;
    for shift in (0..64).step_by(7) {
        let b = *bytes.get(*at)?;
        *at += 1;
        v |= u64::from(b & 0x7F) << shift;
        if b < 0x80 {
            return Some(v);
        }
    }
    None
}

impl Table {
    fn identity() -> Table {
        Table {
            ascii: std::array::from_fn(|i| i as i32),
            pages: vec![Page::Shifted(0); (CODE_POINTS >> 8) as usize],
            cells: Vec::new(),
            identity: true,
        }
    }

    /// Reads runs: `length << 1 | kind`, then the zigzag difference to the previous value. Kind 0
    /// is a shift of the code point, kind 1 a constant.
    fn decode(bytes: &[u8]) -> Option<Table> {
        let mut runs = Vec::new();
        let (mut at, mut start, mut value) = (0, 0u32, 0i64);
        while start < CODE_POINTS {
            let head = varint(bytes, &mut at)?;
            let zigzag = varint(bytes, &mut at)?;
            value += (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
            let length = u32::try_from(head >> 1).ok()?;
            let end = start.checked_add(length)?.min(CODE_POINTS);
            let kind = if head & 1 == 0 {
                Page::Shifted(i32::try_from(value).ok()?)
            } else {
                Page::Constant(i32::try_from(value).ok()?)
            };
            runs.push((end, kind));
            if length == 0 {
                return None;
            }
            start = end;
        }
        let mut t = Table {
            ascii: [0; 128],
            pages: Vec::with_capacity((CODE_POINTS >> 8) as usize),
            cells: Vec::new(),
            identity: matches!(runs[..], [(_, Page::Shifted(0))]),
        };
        let mut run = 0;
        for page in 0..CODE_POINTS >> 8 {
            let first = page << 8;
            while runs[run].0 <= first {
                run += 1;
            }
            if runs[run].0 >= first + 256 {
                t.pages.push(runs[run].1);
                continue;
            }
            let mut cells = [0; 256];
            let mut r = run;
            for (i, cell) in cells.iter_mut().enumerate() {
                let rune = first + i as u32;
                while runs[r].0 <= rune {
                    r += 1;
                }
                *cell = match runs[r].1 {
                    Page::Shifted(d) => (rune as i32).wrapping_add(d),
                    Page::Constant(w) => w,
                    Page::Cells(_) => NO_WEIGHT,
                };
            }
            t.pages.push(Page::Cells(t.cells.len()));
            t.cells.push(cells);
        }
        for i in 0..128 {
            t.ascii[i as usize] = t.of(i);
        }
        Some(t)
    }

    fn of(&self, rune: u32) -> i32 {
        match self.pages.get((rune >> 8) as usize) {
            Some(Page::Shifted(d)) => (rune as i32).wrapping_add(*d),
            Some(Page::Constant(w)) => *w,
            Some(Page::Cells(i)) => self.cells[*i][(rune & 255) as usize],
            None => NO_WEIGHT,
        }
    }
}
