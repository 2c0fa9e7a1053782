//! The order in which the items of a FROM clause are read.

use super::access::{access, equal_rows, equalities};
use super::{needs, place};
use crate::expr::{Expr, SlotSet};
use crate::plan::{Access, JoinItem, JoinKind, Source};

/// Items of which every order is considered; of longer lists the cheapest next one is taken.
const MAX_ENUMERATED: usize = 6;

/// Rows of sources about which nothing is known.
const DERIVED_ROWS: f64 = 1_000.0;
const VIRTUAL_ROWS: f64 = 500.0;
const NEST_ROWS: f64 = 10_000.0;

/// What an item costs in its place.
struct Step {
    /// Once.
    once: f64,
    /// For each combination of rows of the items before.
    each: f64,
    /// Rows for each combination.
    rows: f64,
}

/// An order of some of the items.
#[derive(Clone)]
struct Path {
    cost: f64,
    rows: f64,
    order: Vec<usize>,
}

/// Orders items by what they are expected to cost and chooses their access paths. Conditions that
/// are checked at an item move there.
pub(super) fn arrange(
    items: Vec<JoinItem>,
    conditions: &mut Vec<Expr>,
    placed: &mut SlotSet,
    straight: bool,
) -> Vec<JoinItem> {
    let mut own = SlotSet::default();
    let slots = items.iter().flat_map(|i| &i.slots);
    slots.for_each(|s| own.insert(*s));
    // A requirement outside of the list refers to an outer block.
    let requirements: Vec<SlotSet> = items
        .iter()
        .map(|i| {
            let mut required = needs(i);
            required.intersect(&own);
            required
        })
        .collect();
    let order = match (items.len(), straight) {
        (0 | 1, _) => (0..items.len()).collect(),
        (_, true) => in_text_order(&items, &requirements, placed),
        (n, false) if n <= MAX_ENUMERATED => cheapest(&items, &requirements, conditions, placed),
        _ => greedy(&items, &requirements, conditions, placed),
    };
    let mut waiting: Vec<Option<JoinItem>> = items.into_iter().map(Some).collect();
    let mut out = Vec::with_capacity(waiting.len());
    for i in order {
        let Some(mut item) = waiting[i].take() else {
            continue;
        };
        place(&mut item, conditions, placed, out.is_empty());
        out.push(item);
    }
    out
}

fn with_slots(placed: &SlotSet, item: &JoinItem) -> SlotSet {
    let mut after = placed.clone();
    item.slots.iter().for_each(|s| after.insert(*s));
    after
}

/// Items that may come next. An outer join multiplies rows rarely and can only follow what it
/// refers to: it waits until no inner join is left, and outer joins keep their order.
fn candidates(
    items: &[JoinItem],
    requirements: &[SlotSet],
    done: &[usize],
    placed: &SlotSet,
) -> Vec<usize> {
    let ready = |i: &usize| !done.contains(i) && requirements[*i].is_subset(placed);
    let inner: Vec<usize> = (0..items.len())
        .filter(ready)
        .filter(|i| items[*i].kind == JoinKind::Inner)
        .collect();
    if !inner.is_empty() {
        return inner;
    }
    let next = (0..items.len()).find(ready);
    // A requirement that can never be met is a reference to an outer block's twin.
    let next = next.or_else(|| (0..items.len()).find(|i| !done.contains(i)));
    next.into_iter().collect()
}

fn in_text_order(items: &[JoinItem], requirements: &[SlotSet], placed: &SlotSet) -> Vec<usize> {
    let mut placed = placed.clone();
    let mut order = Vec::new();
    while order.len() < items.len() {
        let ready = |i: &usize| !order.contains(i) && requirements[*i].is_subset(&placed);
        let next = (0..items.len()).find(ready);
        let Some(i) = next.or_else(|| (0..items.len()).find(|i| !order.contains(i))) else {
            break;
        };
        placed = with_slots(&placed, &items[i]);
        order.push(i);
    }
    order
}

/// The next item is the one that costs least now.
fn greedy(
    items: &[JoinItem],
    requirements: &[SlotSet],
    conditions: &[Expr],
    placed: &SlotSet,
) -> Vec<usize> {
    let mut placed = placed.clone();
    let mut order = Vec::new();
    while order.len() < items.len() {
        let mut best: Option<(f64, usize)> = None;
        for i in candidates(items, requirements, &order, &placed) {
            let step = step(&items[i], conditions, &placed, order.is_empty());
            let cost = step.once + step.each;
            if best.is_none_or(|(c, _)| cost < c) {
                best = Some((cost, i));
            }
        }
        let Some((_, i)) = best else { break };
        placed = with_slots(&placed, &items[i]);
        order.push(i);
    }
    order
}

/// The cheapest order of all, found by way of the cheapest order of every subset.
fn cheapest(
    items: &[JoinItem],
    requirements: &[SlotSet],
    conditions: &[Expr],
    placed: &SlotSet,
) -> Vec<usize> {
    let all = (1usize << items.len()) - 1;
    let mut best: Vec<Option<Path>> = vec![None; all + 1];
    best[0] = Some(Path {
        cost: 0.0,
        rows: 1.0,
        order: Vec::new(),
    });
    for set in 0..all {
        let Some(path) = best[set].take() else {
            continue;
        };
        let known = path
            .order
            .iter()
            .fold(placed.clone(), |known, i| with_slots(&known, &items[*i]));
        for i in candidates(items, requirements, &path.order, &known) {
            let step = step(&items[i], conditions, &known, path.order.is_empty());
            let cost = path.cost + step.once + path.rows * step.each;
            let next = &mut best[set | 1 << i];
            // Of equal ones the first in the text stays.
            if next.as_ref().is_some_and(|n| n.cost <= cost) {
                continue;
            }
            let mut order = path.order.clone();
            order.push(i);
            *next = Some(Path {
                cost,
                rows: (path.rows * step.rows).max(1.0),
                order,
            });
        }
    }
    best[all]
        .take()
        .map_or_else(|| (0..items.len()).collect(), |path| path.order)
}

fn step(item: &JoinItem, conditions: &[Expr], placed: &SlotSet, first: bool) -> Step {
    let read = |rows: f64| Step {
        once: 0.0,
        each: rows,
        rows,
    };
    match &item.source {
        Source::Table(scan) => {
            let usable: Vec<&Expr> = match item.kind {
                JoinKind::Inner => conditions.iter().chain(&item.on).collect(),
                JoinKind::Left => item.on.iter().collect(),
            };
            let found = access(scan, &usable, placed);
            if let Access::Index(_) = found.access {
                return read(found.cost);
            }
            let rows = scan.rows.max(1) as f64;
            if first || equalities(scan.slot, &usable, placed).is_empty() {
                return read(rows);
            }
            // Hashed once, then looked up.
            Step {
                once: rows,
                each: 1.0,
                rows: equal_rows(rows),
            }
        }
        Source::Derived(_) => read(DERIVED_ROWS),
        Source::Work { .. } => read(1.0),
        Source::Virtual(_) => read(VIRTUAL_ROWS),
        Source::JsonTable(_) => read(10.0),
        Source::Nest(_) | Source::Full(_) => read(NEST_ROWS),
    }
}
