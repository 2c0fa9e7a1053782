//! What two trees changed since a common base, key by key (spec 02 §16).

use std::cmp::Ordering;
use std::sync::Arc;

use crate::{Change, Diff, Item, KeyOrder, Node, NodeStore, Result};

/// What became of one key.
#[derive(Clone, Debug)]
pub enum ThreeWay {
    /// Only the left side changed it.
    Left(Change),
    /// Only the right side changed it.
    Right(Change),
    /// Both sides changed it to the same bytes; the change is the left one.
    Both(Change),
    /// Both sides changed it, differently.
    Conflict {
        /// What the base has.
        base: Option<Item>,
        /// What the left side has.
        left: Option<Item>,
        /// What the right side has.
        right: Option<Item>,
    },
}

impl ThreeWay {
    /// The key.
    pub fn key(&self) -> &[u8] {
        match self {
            ThreeWay::Left(c) | ThreeWay::Right(c) | ThreeWay::Both(c) => c.key(),
            ThreeWay::Conflict { base, left, right } => [base, left, right]
                .into_iter()
                .flatten()
                .next()
                .map_or(&[], Item::key),
        }
    }
}

/// Iterates over every key that either side changed, in order.
pub struct ThreeWayDiff {
    order: Arc<dyn KeyOrder>,
    left: std::iter::Peekable<Diff>,
    right: std::iter::Peekable<Diff>,
    failed: bool,
}

impl ThreeWayDiff {
    /// Compares `left` and `right` with `base`.
    pub fn new(
        store: &NodeStore,
        base: &Arc<Node>,
        left: &Arc<Node>,
        right: &Arc<Node>,
        order: Arc<dyn KeyOrder>,
    ) -> ThreeWayDiff {
        let side = |root| Diff::new((store, base), (store, root), order.clone());
        ThreeWayDiff::of(side(left), side(right), order.clone())
    }

    /// Pairs two differences from the same base.
    pub fn of(left: Diff, right: Diff, order: Arc<dyn KeyOrder>) -> ThreeWayDiff {
        ThreeWayDiff {
            order,
            left: left.peekable(),
            right: right.peekable(),
            failed: false,
        }
    }

    /// The next key that either side changed.
    pub fn next_event(&mut self) -> Result<Option<ThreeWay>> {
        let ordering = match (self.left.peek(), self.right.peek()) {
            (None, None) => return Ok(None),
            (Some(Err(_)), _) | (Some(_), None) => Ordering::Less,
            (_, Some(Err(_))) | (None, Some(_)) => Ordering::Greater,
            (Some(Ok(l)), Some(Ok(r))) => self.order.compare(l.key(), r.key()),
        };
        if ordering == Ordering::Less {
            return Ok(self.left.next().transpose()?.map(ThreeWay::Left));
        }
        if ordering == Ordering::Greater {
            return Ok(self.right.next().transpose()?.map(ThreeWay::Right));
        }
        let (Some(left), Some(right)) = (
            self.left.next().transpose()?,
            self.right.next().transpose()?,
        ) else {
            return Ok(None);
        };
        let same = match (&left.to, &right.to) {
            (None, None) => true,
            (Some(l), Some(r)) => l.value() == r.value() && l.key() == r.key(),
            _ => false,
        };
        Ok(Some(match same {
            true => ThreeWay::Both(left),
            false => ThreeWay::Conflict {
                base: left.from,
                left: left.to,
                right: right.to,
            },
        }))
    }
}

impl Iterator for ThreeWayDiff {
    type Item = Result<ThreeWay>;

    fn next(&mut self) -> Option<Result<ThreeWay>> {
        if self.failed {
            return None;
        }
        let next = self.next_event().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}
