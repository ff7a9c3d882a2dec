//! A fixed number of named threads for work that waits for the disk, so that no async thread ever does.
//!
//! The queue has no limit of its own: whoever uses a pool sees to it that it has at most one job in it (a
//! partition one commit job and one background job, a subscription one read), which bounds the whole.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use thiserror::Error;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// The pool was shut down; the job will not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the thread pool is shut down")]
pub struct PoolClosed;

/// A pool of threads. Dropping it lets the threads finish what is queued, without waiting for them.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Queue({} jobs, closed: {})", self.jobs.len(), self.closed)
    }
}

impl Pool {
    /// Starts `threads` threads (at least one) named `name-0`, `name-1` and so on.
    ///
    /// # Errors
    /// What the system said when a thread could not be started.
    pub fn new(name: &str, threads: usize) -> io::Result<Pool> {
        let queue = Mutex::new(Queue { jobs: VecDeque::new(), closed: false });
        let shared = Arc::new(Shared { queue, wake: Condvar::new() });
        // Made first: where a later thread fails to start, dropping it ends the former ones.
        let pool = Pool { shared: Arc::clone(&shared), threads: Mutex::new(Vec::new()) };
        for number in 0..threads.max(1) {
            let shared = Arc::clone(&shared);
            let thread =
                thread::Builder::new().name(format!("{name}-{number}")).spawn(move || shared.work())?;
            pool.threads.lock().push(thread);
        }
        Ok(pool)
    }

    /// Queues a job.
    ///
    /// # Errors
    /// After [`Pool::shut_down`]; the job is dropped.
    pub fn spawn(&self, job: impl FnOnce() + Send + 'static) -> Result<(), PoolClosed> {
        let mut queue = self.shared.queue.lock();
        if queue.closed {
            return Err(PoolClosed);
        }
        queue.jobs.push_back(Box::new(job));
        drop(queue);
        self.shared.wake.notify_one();
        Ok(())
    }

    /// Queues work and returns where its result will arrive. Where the receiver is dropped before the work
    /// began, it is not done. The channel breaks where the pool is shut down, or the work panics.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        let queued = self.spawn(move || {
            if !sender.is_closed() {
                // Nobody waits any more: the result is as good as delivered.
                let _ = sender.send(work());
            }
        });
        // Dropping the job has broken the channel, which says it all.
        let _ = queued;
        receiver
    }

    /// Whether jobs wait for a thread.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        !self.shared.queue.lock().jobs.is_empty()
    }

    /// Takes no more jobs, runs those that are queued, and waits for the threads to end. Blocks; not to be
    /// called on one of the pool's threads.
    pub fn shut_down(&self) {
        self.shared.close();
        for thread in self.threads.lock().drain(..) {
            // Jobs' panics are caught, so that a thread cannot fail.
            let _ = thread.join();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Without joining: the last handle may be dropped by a job, on one of the threads.
        self.shared.close();
    }
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.next() {
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a job of the thread pool panicked");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            self.wake.wait(&mut queue);
        }
    }

    fn close(&self) {
        self.queue.lock().closed = true;
        self.wake.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn jobs_run_on_named_threads() {
        let pool = Pool::new("commit", 2).unwrap();
        let name = pool.run(|| thread::current().name().map(str::to_owned)).blocking_recv().unwrap();
        assert!(name.unwrap().starts_with("commit-"));
    }

    #[test]
    fn a_panicking_job_leaves_the_thread_alive() {
        let pool = Pool::new("test", 1).unwrap();
        assert!(pool.run(|| panic!("on purpose")).blocking_recv().is_err());
        assert_eq!(pool.run(|| 1).blocking_recv(), Ok(1));
    }

    #[test]
    fn shutting_down_runs_what_is_queued_and_refuses_the_rest() {
        let pool = Pool::new("test", 1).unwrap();
        let (release, gate) = mpsc::channel::<()>();
        pool.spawn(move || gate.recv().unwrap()).unwrap();
        let queued = pool.run(|| 2);
        assert!(pool.has_waiting());
        release.send(()).unwrap();
        pool.shut_down();
        assert_eq!(queued.blocking_recv(), Ok(2));
        assert_eq!(pool.spawn(|| ()), Err(PoolClosed));
        assert!(pool.run(|| 3).blocking_recv().is_err());
    }

    #[test]
    fn work_that_nobody_waits_for_is_skipped() {
        let pool = Pool::new("test", 1).unwrap();
        let (release, gate) = mpsc::channel::<()>();
        let (done, seen) = mpsc::channel::<()>();
        pool.spawn(move || gate.recv().unwrap()).unwrap();
        drop(pool.run(move || done.send(()).unwrap()));
        release.send(()).unwrap();
        pool.shut_down();
        assert!(seen.recv().is_err());
    }
}
