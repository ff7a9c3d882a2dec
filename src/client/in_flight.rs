//! What was sent and not yet answered: bounded by count and bytes, found again by sequence.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::types::num::to_u64;

/// How much may be sent before answers come. A sender that reaches a limit waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlightLimits {
    /// Requests.
    pub requests_max: usize,
    /// Their bytes, encoded. A single request that is longer goes alone.
    pub bytes_max: u32,
}

impl Default for InFlightLimits {
    fn default() -> InFlightLimits {
        InFlightLimits { requests_max: 16 * 1024, bytes_max: 16 * 1024 * 1024 }
    }
}

/// The window of requests in flight, shared by the sender and whoever takes the answers.
#[derive(Debug)]
pub(super) struct InFlight {
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    bytes_max: u32,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    /// The sequence of the first slot.
    first: u64,
    slots: VecDeque<Option<Permits>>,
}

/// What a request occupies while it is in flight; dropping it makes room.
#[derive(Debug)]
struct Permits {
    _request: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl InFlight {
    pub(super) fn new(limits: InFlightLimits) -> InFlight {
        let requests = limits.requests_max.clamp(1, Semaphore::MAX_PERMITS);
        InFlight {
            requests: Arc::new(Semaphore::new(requests)),
            bytes: Arc::new(Semaphore::new(crate::types::num::u32_to_usize(limits.bytes_max.max(1)))),
            bytes_max: limits.bytes_max.max(1),
            window: Mutex::new(Window::default()),
        }
    }

    /// Waits until a request of `bytes` may be sent, and gives it a sequence. None once the window is closed.
    /// Cancellation-safe: nothing is taken unless a sequence is returned.
    pub(super) async fn enter(&self, bytes: usize) -> Option<u64> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.bytes_max);
        let request = Arc::clone(&self.requests).acquire_owned().await.ok()?;
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(bytes).await.ok()?;
        let mut window = self.window.lock();
        let sequence = window.first + to_u64(window.slots.len());
        window.slots.push_back(Some(Permits { _request: request, _bytes: bytes }));
        Some(sequence)
    }

    /// Takes a request out that was answered. False if it was not in flight.
    pub(super) fn leave(&self, sequence: u64) -> bool {
        let mut window = self.window.lock();
        let Some(index) = sequence.checked_sub(window.first) else { return false };
        let slot = usize::try_from(index).ok().and_then(|index| window.slots.get_mut(index));
        let answered = slot.and_then(Option::take).is_some();
        while let Some(None) = window.slots.front() {
            window.slots.pop_front();
            window.first += 1;
        }
        answered
    }

    /// Takes the oldest request out.
    pub(super) fn leave_oldest(&self) -> Option<u64> {
        let mut window = self.window.lock();
        loop {
            let slot = window.slots.pop_front()?;
            let sequence = window.first;
            window.first += 1;
            if slot.is_some() {
                return Some(sequence);
            }
        }
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.requests.close();
        self.bytes.close();
    }
}
