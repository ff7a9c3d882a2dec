//! Removes directories of deleted topics, on a thread of its own: a large topic takes the disk a while.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Disk, remove_dir_tree};

/// Removes directories in the background, one by one. What cannot be removed is left for the next start.
#[derive(Debug, Default)]
pub(super) struct Remover {
    shared: Arc<Mutex<Queue>>,
}

/// Bounded by what there is to delete: a topic has one entry.
#[derive(Debug, Default)]
struct Queue {
    doomed: Vec<PathBuf>,
    is_running: bool,
}

impl Remover {
    /// Has these directories removed, with everything in them.
    pub(super) fn remove_soon(&self, disk: &Arc<dyn Disk>, doomed: Vec<PathBuf>) {
        let mut queue = self.shared.lock();
        queue.doomed.extend(doomed);
        if queue.is_running || queue.doomed.is_empty() {
            return;
        }
        let (disk, shared) = (Arc::clone(disk), Arc::clone(&self.shared));
        let remove_all = move || {
            while let Some(path) = next(&shared) {
                if let Err(error) = remove_dir_tree(&*disk, &path) {
                    tracing::warn!(%error, "a deleted topic is left on the disk until the next start");
                }
            }
        };
        match std::thread::Builder::new().name("remove-topics".to_owned()).spawn(remove_all) {
            Ok(_) => queue.is_running = true,
            Err(error) => tracing::warn!(%error, "deleted topics are left on the disk"),
        }
    }
}

fn next(shared: &Mutex<Queue>) -> Option<PathBuf> {
    let mut queue = shared.lock();
    let path = queue.doomed.pop();
    queue.is_running = path.is_some();
    path
}
