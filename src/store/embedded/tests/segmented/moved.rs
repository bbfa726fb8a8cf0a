//! Records that leave a segment, which goes then, and the bound of all files.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

use super::*;
use crate::tasks;

#[tokio::test]
async fn a_segment_goes_with_its_last_record() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries = documents("last", 1);
    write(&store, &entries).await;
    merge(&store);
    assert_eq!(segments(dir.path()).len(), 1);
    remove(&store, &entries).await;
    merge(&store);
    assert_eq!(segments(dir.path()).len(), 0);
    assert!(usage(&store).is_empty());
    assert_lacks(&store, &entries).await;
}

#[tokio::test]
async fn the_rest_of_a_segment_moves_and_the_file_goes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries = documents("rest", 1);
    write(&store, &entries).await;
    merge(&store);
    let (path, _) = segment(dir.path());
    remove(&store, &entries[..40]).await;
    merge(&store);
    collect(&store);
    assert_eq!(JOURNALS.map(|name| length(dir.path().join(name))), [8, 8], "most are in use");
    remove(&store, &entries[40..55]).await;
    merge(&store);
    let copies = [killed(dir.path()), {
        collect(&store);
        assert!(path.exists(), "the database leads there");
        assert_reads(&store, &entries[55..]).await;
        killed(dir.path())
    }];
    collect(&store);
    merge(&store);
    assert!(!path.exists() && usage(&store).is_empty());
    assert_reads(&store, &entries[55..]).await;
    assert_lacks(&store, &entries[..55]).await;
    let after = killed(dir.path());
    // The file could not be deleted any more.
    fs::copy(segment(copies[0].path()).0, after.path().join(path.file_name().unwrap())).unwrap();
    let undeleted = open(after.path()).await;
    assert_eq!(segments(after.path()).len(), 0);
    assert_reads(&undeleted, &entries[55..]).await;
    assert_works(after.path(), undeleted).await;
    for copy in copies {
        let store = open(copy.path()).await;
        assert_reads(&store, &entries[55..]).await;
        collect(&store);
        merge(&store);
        assert_eq!(segments(copy.path()).len(), 0);
        assert_reads(&store, &entries[55..]).await;
        assert_lacks(&store, &entries[..55]).await;
        assert_works(copy.path(), store).await;
    }
}

#[tokio::test]
async fn a_collection_gives_way_to_changes_in_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (entries, newer) = (documents("way", 1), documents("way", 3));
    write(&store, &entries).await;
    merge(&store);
    remove(&store, &entries[..60]).await;
    merge(&store);
    write(&store, &newer[60..70]).await;
    remove(&store, &entries[70..80]).await;
    collect(&store);
    for merged in [false, true] {
        if merged {
            merge(&store);
        }
        assert_reads(&store, &newer[60..70]).await;
        assert_lacks(&store, &entries[70..80]).await;
        assert_reads(&store, &entries[80..]).await;
    }
    assert_eq!(segments(dir.path()).len(), 0);
}

#[tokio::test]
async fn reads_find_records_while_these_move() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (steady, others) = (documents("steady", 1), documents("others", 1));
    write(&store, &[&steady[..], &others[..]].concat()).await;
    let is_over = Cell::new(false);
    let reading = async {
        let mut reads = 0_usize;
        while !is_over.get() {
            let entry = &steady[reads % 20];
            let read = read_one(&store, entry.key()).await.unwrap();
            assert!(read.is_some_and(|read| read == *entry), "{reads}");
            reads += 1;
        }
        reads
    };
    let moving = async {
        for round in 0..12 {
            let store_too = store.clone();
            let moved = tasks::blocking(move || {
                merge(&store_too);
                collect(&store_too);
            });
            moved.await.unwrap();
            // Of each segment most records go, and the steady ones move.
            remove(&store, &others).await;
            remove(&store, &steady[20..]).await;
            write(&store, &documents("others", 6 + round)).await;
        }
        is_over.set(true);
    };
    let (reads, ()) = tokio::join!(reading, moving);
    assert!(reads > 100, "{reads}");
    assert_reads(&store, &steady[..20]).await;
}

#[tokio::test]
async fn segments_agree_with_their_pointers_after_any_changes() {
    let mut dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).await;
    let mut random = fastrand::Rng::with_seed(5);
    let mut newest: HashMap<u64, Option<Arc<Entry>>> = HashMap::new();
    let (mut most, mut was_evicted) = (0, false);
    for round in 1..20 {
        for _ in 0..random.usize(1..4) {
            let number = |random: &mut fastrand::Rng| random.u64(..300);
            let numbers: BTreeSet<_> = (0..40).map(|_| number(&mut random)).collect();
            let mut batch = Vec::new();
            for number in numbers {
                let body = noise(random.usize(10..50_000));
                let entry = entry(&format!("any/{number}"), round, &body);
                let is_removal = random.u8(..4) == 0;
                batch.push(match is_removal {
                    true => Change::Remove { key: entry.key(), as_of: at(round) },
                    false => Change::Put { entry: Arc::clone(&entry), keep_until: at(1_000) },
                });
                newest.insert(number, (!is_removal).then_some(entry));
            }
            store.apply(batch.into(), at(round)).await.unwrap();
        }
        for step in 0..random.u8(..4) {
            if step % 2 == 0 { merge(&store) } else { collect(&store) }
        }
        if random.u8(..4) == 0 {
            let copy = killed(dir.path());
            (store, dir) = (open(copy.path()).await, copy);
        }
        in_segments(&store);
        let lengths: BTreeMap<_, _> =
            usage(&store).into_iter().map(|(number, it)| (number, it.bytes)).collect();
        let found = segments(dir.path()).into_iter().map(|path| (number(&path), length(path)));
        assert_eq!(lengths, found.collect());
        most = most.max(lengths.len());
        for (number, newest) in &newest {
            let key = entry(&format!("any/{number}"), 1, "").key();
            let read = read_one(&store, key).await.unwrap();
            was_evicted |= read.is_none() && newest.is_some();
            assert!(read.is_none() || read == *newest, "{number} in {round}");
        }
    }
    assert!(most >= 3 && !was_evicted, "{most}");
}

#[tokio::test]
async fn a_merge_without_room_for_a_segment_copies_its_records() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut copied = 0;
    // Nothing is collected between the merges.
    for round in 0..25 {
        let entries = documents(&format!("room/{round}"), 1);
        write(&store, &entries).await;
        let before = in_segments(&store);
        merge(&store);
        copied += usize::from(in_segments(&store) <= before);
        let bytes: u64 = usage(&store).values().map(|it| it.bytes).sum();
        assert!(bytes <= 24 * MIB, "{bytes} in round {round}");
        assert_eq!(bytes, segments(dir.path()).into_iter().map(length).sum::<u64>());
    }
    assert!(copied > 2, "{copied}");
}

#[tokio::test]
async fn a_journal_of_a_larger_bound_is_merged() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_within(dir.path(), 1 << 30).await;
    let body = noise(20_000);
    let documents = |name: &str, count: usize| -> Vec<_> {
        (0..count).map(|n| entry(&format!("{name}/{n}"), 1, &format!("{n} {body}"))).collect()
    };
    write(&store, &documents("large", 2_800)).await;
    let copy = killed(dir.path());
    let journals = || JOURNALS.map(|name| length(copy.path().join(name))).iter().sum::<u64>();
    assert!(journals() > 32 * MIB, "{}", journals());
    let store = open(copy.path()).await;
    for part in 0..50 {
        let batch = documents(&format!("later/{part}"), 10);
        write(&store, &batch).await;
        assert_reads(&store, &batch).await;
    }
    assert!(journals() <= 8 * MIB, "{}", journals());
    assert!(all_bytes(copy.path()) <= 64 * MIB, "{}", all_bytes(copy.path()));
    assert_works(copy.path(), store).await;
}

#[tokio::test]
async fn all_files_together_stay_within_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let body = noise(20_000);
    let (mut written, mut most_segments) = (0, 0);
    while written < 100 * MIB {
        let batch: Vec<_> = (0..50)
            .map(|n| entry(&format!("bound/{written}/{n}"), 1, &format!("{n} {body}")))
            .collect();
        write(&store, &batch).await;
        written += 50 * 20_000;
        let bytes = all_bytes(dir.path());
        assert!(bytes <= 64 * MIB, "{bytes} after {written}");
        most_segments = most_segments.max(segments(dir.path()).len());
    }
    assert!(most_segments >= 3, "{most_segments}");
    assert!(in_segments(&store) > 300, "{}", in_segments(&store));
}

#[tokio::test]
async fn a_lower_bound_makes_segments_fit_and_keeps_documents_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_within(dir.path(), 256 * MIB).await;
    let body = noise(100_000);
    let hot = documents("hot", 1);
    write(&store, &hot).await;
    for part in 0..12 {
        let batch: Vec<_> = (0..100)
            .map(|n| entry(&format!("cold/{part}/{n}"), 1, &format!("{n} {body}")))
            .collect();
        write(&store, &batch).await;
    }
    merge(&store);
    let in_use = |entry: &Arc<Entry>| crate::store::InUse {
        key: entry.key(),
        used_at: at(100),
        check: Some(crate::entry::Check { at: NOW, fetched_at: NOW }),
    };
    store.remember(hot.iter().map(in_use).collect(), NOW).await.unwrap();
    store.close().await;
    assert!(all_bytes(dir.path()) > 64 * MIB, "{}", all_bytes(dir.path()));

    let store = open(dir.path()).await;
    let waited = crate::clock::Stopwatch::start();
    while store.handle.over_bound().is_so() {
        assert!(waited.elapsed() < Duration::from_secs(30), "{}", all_bytes(dir.path()));
        tokio::task::yield_now().await;
    }
    assert!(all_bytes(dir.path()) <= 64 * MIB, "{}", all_bytes(dir.path()));
    assert_reads(&store, &hot).await;
    assert!(in_segments(&store) >= 100);
    assert_works(dir.path(), store).await;
}
