//! Who still works with the files that garbage collection replaced.
//!
//! Statements and transactions hold the pin that was current when they began. What a collection
//! replaced hangs on the pin of its time and on those before, and goes with the last of them.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chunks::Retirement;

/// Held while work is done that began at one time between two collections.
#[derive(Default)]
pub struct Pin {
    state: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    retired: Vec<Retirement>,
    /// Whoever began earlier may also have read what came later.
    next: Option<Arc<Pin>>,
}

impl Drop for Pin {
    fn drop(&mut self) {
        // One after the other: a chain of many collections must not become a deep recursion.
        let held = |pin: &mut Pin| {
            std::mem::take(pin.state.get_mut().unwrap_or_else(PoisonError::into_inner)).next
        };
        let mut next = held(self);
        while let Some(mut pin) = next.and_then(Arc::into_inner) {
            next = held(&mut pin);
        }
    }
}

/// The pins of an instance.
#[derive(Default)]
pub struct Pins {
    current: RwLock<Arc<Pin>>,
}

impl Pins {
    /// The pin of what begins now.
    pub fn current(&self) -> Arc<Pin> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// Keeps what a collection replaced for those who began before now.
    pub fn retire(&self, retired: Retirement) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let next = Arc::new(Pin::default());
        let before = std::mem::replace(&mut *current, next.clone());
        drop(current);
        let mut held = before.state.lock().unwrap_or_else(PoisonError::into_inner);
        held.retired.push(retired);
        held.next = Some(next);
        drop(held);
        drop(before);
    }
}
