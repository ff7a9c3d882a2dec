//! What happens to a partition that is left alone: it is vouched for, and its store's work is done.

use std::sync::mpsc;

use super::*;

#[tokio::test(start_paused = true)]
async fn an_idle_partition_is_vouched_for_once() {
    let it = fixture();
    it.append(simple("a")).await.unwrap();
    it.gate.until(|progress| progress.vouches == 1).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(it.gate.progress().vouches, 1);
    it.append(simple("b")).await.unwrap();
    it.gate.until(|progress| progress.vouches == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_without_appends_is_not_vouched_for() {
    let it = fixture();
    it.partition.upkeep(NOW_MS).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    it.partition.upkeep(NOW_MS).await.unwrap();
    assert_eq!(it.gate.progress().vouches, 0);
}

#[tokio::test(start_paused = true)]
async fn the_wait_keeps_no_partition_alive() {
    let it = fixture();
    it.append(simple("a")).await.unwrap();
    // The job that acknowledged may hold it for another moment; the one of this command ends later still.
    it.partition.upkeep(NOW_MS).await.unwrap();
    let weak = Arc::downgrade(&it.partition);
    let pool = Arc::clone(&it.partition.runtime.commit_pool);
    drop(it);
    pool.shut_down();
    assert!(weak.upgrade().is_none());
}

#[tokio::test]
async fn background_work_runs_one_piece_at_a_time_until_there_is_none() {
    let it = fixture();
    let (done, seen) = mpsc::channel();
    for piece in 0..3 {
        let done = done.clone();
        it.gate.add_background_job(move || done.send(piece).unwrap());
    }
    drop(done);
    for _ in 0..3 {
        it.append(simple("a")).await.unwrap();
    }
    // Those that were asked for in vain are asked for again when the one before is done.
    it.partition.upkeep(NOW_MS).await.unwrap();
    let order = tokio::task::spawn_blocking(move || seen.iter().collect::<Vec<_>>()).await.unwrap();
    assert_eq!(order, [0, 1, 2]);
}

#[tokio::test]
async fn background_work_holds_up_no_append_and_survives_a_panic() {
    let it = fixture();
    let (release, gate) = mpsc::channel::<()>();
    let (done, seen) = tokio::sync::oneshot::channel();
    it.gate.add_background_job(move || gate.recv().unwrap());
    it.gate.add_background_job(|| panic!("on purpose"));
    it.gate.add_background_job(|| done.send(()).unwrap());
    it.fill(3).await;
    release.send(()).unwrap();
    it.append(simple("a")).await.unwrap();
    it.partition.upkeep(NOW_MS).await.unwrap();
    seen.await.unwrap();
}
