//! The bound of the tail, and its honesty about what it does not hold.

use super::super::tail::Tail;
use super::*;

fn push(tail: &Tail, base_offset: u64, values: &[&str]) {
    let AppendKind::Batch(batch) = batch(values).kind else { unreachable!() };
    tail.push(&[batch], Offset(base_offset), NOW_MS);
}

fn read(tail: &Tail, next: u64, bytes_max: usize) -> Option<Vec<(u64, String)>> {
    tail.read(Offset(next), bytes_max).map(|batches| contents(&batches))
}

/// The length of an element with a value of one byte.
const ELEMENT: usize = 5;

#[test]
fn the_oldest_batches_make_room_for_new_ones() {
    let tail = Tail::new(3 * ELEMENT);
    push(&tail, 0, &["a"]);
    push(&tail, 1, &["b"]);
    push(&tail, 2, &["c", "d"]);
    assert_eq!(read(&tail, 0, 1000), None);
    let expected: Vec<_> = (1..).zip(["b", "c", "d"].map(str::to_owned)).collect();
    assert_eq!(read(&tail, 1, 1000), Some(expected));
}

#[test]
fn a_batch_that_does_not_fit_leaves_the_tail_empty() {
    let tail = Tail::new(2 * ELEMENT);
    push(&tail, 0, &["a"]);
    push(&tail, 1, &["b", "c", "d"]);
    assert!((0..5).all(|next| read(&tail, next, 1000).is_none()));
    push(&tail, 4, &["e"]);
    assert_eq!(read(&tail, 4, 1000), Some(vec![(4, "e".to_owned())]));
    assert_eq!(read(&tail, 1, 1000), None);
}

#[test]
fn a_hole_is_never_bridged() {
    let tail = Tail::new(1000);
    push(&tail, 0, &["a"]);
    push(&tail, 5, &["b"]);
    assert!((0..5).all(|next| read(&tail, next, 1000).is_none()));
    assert_eq!(read(&tail, 5, 1000), Some(vec![(5, "b".to_owned())]));
}

#[test]
fn nothing_is_said_of_what_is_not_there_yet() {
    let tail = Tail::new(1000);
    assert_eq!(read(&tail, 0, 1000), None);
    push(&tail, 0, &["a"]);
    assert_eq!(read(&tail, 1, 1000), None);
    tail.clear();
    assert_eq!(read(&tail, 0, 1000), None);
}

#[test]
fn reads_are_bounded_but_make_progress() {
    let tail = Tail::new(1000);
    push(&tail, 0, &["a", "b"]);
    push(&tail, 2, &["c"]);
    push(&tail, 3, &["d"]);
    let offsets = |next, bytes_max| read(&tail, next, bytes_max).unwrap().len();
    assert_eq!(offsets(0, 1), 2);
    assert_eq!(offsets(0, 3 * ELEMENT), 3);
    assert_eq!(offsets(1, 1000), 4);
}
