use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::loader::epoch::Work;
use crate::{Batch, Result};

/// Threads that make the batches of one epoch, at most `prefetch` ahead of the one that is asked for.
pub(super) struct Threads {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// A batch was taken, or work is to end: threads wait for it.
    room: Condvar,
    /// A batch is ready: the consumer waits for it.
    ready: Condvar,
    end: usize,
    prefetch: usize,
}

struct State {
    /// The batch that the next free thread makes.
    next: usize,
    /// Batches below this number were taken.
    taken: usize,
    done: BTreeMap<usize, Result<Batch>>,
    stop: bool,
}

impl Shared {
    /// Nothing panics while it holds the lock, so the state behind a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Threads {
    pub(super) fn start(work: &Arc<Work>, first: usize, end: usize, threads: usize, prefetch: usize) -> Self {
        let state = State { next: first, taken: first, done: BTreeMap::new(), stop: false };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            room: Condvar::new(),
            ready: Condvar::new(),
            end,
            prefetch,
        });
        // more threads than batches that may be ahead would only wait
        let handles = (0..threads.min(prefetch)).map_while(|number| {
            let (shared, work) = (Arc::clone(&shared), Arc::clone(work));
            let name = format!("anygrad-loader-{number}");
            thread::Builder::new().name(name).spawn(move || run(&shared, &work)).ok()
        });
        let handles = handles.collect();
        Self { shared, handles }
    }

    /// Batch `number`, once it is ready; `None` if no thread could be started.
    pub(super) fn take(&self, number: usize) -> Option<Result<Batch>> {
        if self.handles.is_empty() {
            return None;
        }
        let mut state = self.shared.lock();
        loop {
            if let Some(batch) = state.done.remove(&number) {
                state.taken = number + 1;
                self.shared.room.notify_all();
                return Some(batch);
            }
            state = self.shared.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Makes batch after batch until there is none left or the consumer has gone.
fn run(shared: &Shared, work: &Work) {
    loop {
        let mut state = shared.lock();
        while !state.stop && state.next < shared.end && state.next - state.taken >= shared.prefetch {
            state = shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stop || state.next >= shared.end {
            return;
        }
        let number = state.next;
        state.next += 1;
        drop(state);
        let batch = work.batch(number);
        shared.lock().done.insert(number, batch);
        shared.ready.notify_all();
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.room.notify_all();
        for handle in self.handles.drain(..) {
            // a thread catches the panics of its work
            let _ = handle.join();
        }
    }
}
